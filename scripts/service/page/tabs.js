// Tabs, by the pattern of ARIA's authoring practices: the arrow keys move between them and show their panels.

/** Make the buttons with role "tab" in a list show the panels that they control. */
export function makeTabs(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const show = (chosen) => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
  };
  list.addEventListener("click", ({ target }) => target.matches("[role=tab]") && show(target));
  list.addEventListener("keydown", (event) => {
    const place = tabs.indexOf(event.target);
    const places = { ArrowRight: place + 1, ArrowLeft: place - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
    if (place < 0 || !(event.key in places)) return;
    event.preventDefault();
    const next = tabs[places[event.key] % tabs.length];
    show(next);
    next.focus();
  });
}
