// What pages call to translate; nothing is translated here.
window._ = window.gettext = (text) => text;
window.ungettext = (singular, plural, count) => (count === 1 ? singular : plural);
window.i18n_register = () => {};
