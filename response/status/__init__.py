"""How status events get into Splunk: `hec` posts them, `objects` puts them where an input of the app reads them."""
