"""What Splunk gives to every script of the app: splunkd, the folder of logs, a private folder, stored secrets.

The search command, the REST handlers, and later inputs and alert actions stand on it. It knows no setting.
"""

#: The app's name, which is its folder and the beginning of its conf files' names.
APP = "aws_siem_bridge"
