// Draws one dashboard with Splunk's own packages, as Splunk Web's page of Dashboard Studio does: the definition that the
// view holds, Splunk's preset for viewing, and its data sources, which ask splunkd's REST interface.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { DashboardContextProvider } from '@splunk/dashboard-context';
import { DashboardCore } from '@splunk/dashboard-core';
import { createSchemaBasedOnPresets } from '@splunk/dashboard-definition';
import EnterpriseViewOnlyPreset from '@splunk/dashboard-presets/EnterpriseViewOnlyPreset';
import { DashboardValidator } from '@splunk/dashboard-validation';
import { SplunkThemeProvider } from '@splunk/themes';

const read = (page) => JSON.parse(page.getElementById('dashboard').textContent);
let given = read(document);
let root = null;

// What the address sets: form.what=x. Splunk Web does the same before the first search starts.
function withInputs(definition, chosen) {
    const inputs = {};
    for (const [id, input] of Object.entries(definition.inputs || {})) {
        const { token, defaultValue } = input.options;
        let value = chosen.get(`form.${token}`) ?? defaultValue;
        if (input.type === 'input.timerange') {
            const [earliest, latest] = defaultValue.split(',');
            const bound = (name, otherwise) => chosen.get(`form.${token}.${name}`) ?? otherwise;
            value = `${bound('earliest', earliest)},${bound('latest', latest)}`;
        }
        inputs[id] = { ...input, options: { ...input.options, defaultValue: value } };
    }
    return { ...definition, inputs };
}

function Dashboard({ definition, theme }) {
    return (
        <SplunkThemeProvider family="enterprise" colorScheme={theme} density="comfortable">
            <DashboardContextProvider preset={EnterpriseViewOnlyPreset} initialDefinition={definition}>
                <DashboardCore width="100%" height="auto" />
            </DashboardContextProvider>
        </SplunkThemeProvider>
    );
}

// What Splunk's own schema has against the definition. It knows pages with tabs only; those with one layout, which every
// Splunk since 9.0 reads, become one with a single tab.
window.problems = () => {
    const { globalInputs, ...layout } = given.definition.layout;
    const tabs = { items: [{ layoutId: 'only', label: 'only' }] };
    const definition = { ...given.definition, layout: { globalInputs, tabs, layoutDefinitions: { only: layout } } };
    const validator = new DashboardValidator();
    validator.setSchema(createSchemaBasedOnPresets({ enterprise: EnterpriseViewOnlyPreset }));
    return validator.validate(definition);
};

function draw() {
    const chosen = new URLSearchParams(window.location.search);
    const theme = chosen.get('theme') ?? given.theme;
    document.documentElement.style.background = theme === 'dark' ? '#171d21' : '#f2f4f5'; // as around the panels
    root?.unmount();
    root = createRoot(document.getElementById('page'));
    root.render(<Dashboard definition={withInputs(given.definition, chosen)} theme={theme} />);
}

// Goes to another dashboard without loading all of this again: most of the time that a dashboard takes.
window.goTo = async (address) => {
    const answer = await fetch(address);
    given = read(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    window.history.replaceState(null, '', address);
    draw();
};

draw();
