// In: what is wrong with a panel. Out: `window.problems`, which draw.mjs reads.
window.problems = [];

export function problem(panel, text) {
  const line = `${panel.title || `panel ${panel.id}`}: ${text}`;
  if (!window.problems.includes(line)) {
    window.problems.push(line);
  }
}

// What a person must not read on a dashboard: a series without a legend, a column that nobody named.
const WRONG = [
  [/__name__|\{[^{}]*="/, 'a legend of labels'],
  [/^Value( #\w+)?$/, 'a series or column without a name'],
  [/\b(undefined|NaN|Invalid date|\[object)/, 'no value that a person reads'],
  [/\$\{?\w|\{\{/, 'a variable without a value'],
  [/[a-z]\(.*[[{]/, 'an expression'],
];

export function read(panel, element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    for (const [pattern, what] of WRONG) {
      if (pattern.test(text) && !walker.currentNode.parentElement.closest('style')) {
        problem(panel, `${what}: ${JSON.stringify(text.slice(0, 80))}`);
      }
    }
  }
}

// A table that is wider than its panel scrolls, and what doesn't fit into a cell is cut.
export function fits(panel, element) {
  for (const table of element.querySelectorAll('[role="table"]')) {
    const row = table.querySelector('[role="row"]');
    const [needs, has] = [row?.scrollWidth ?? 0, element.clientWidth];
    if (needs > has) {
      problem(panel, `its columns need ${needs} pixels and have ${has}`);
    }
    for (const cell of table.querySelectorAll('[role="cell"] *, [role="cell"]')) {
      const isText = [...cell.childNodes].some(({ nodeType }) => nodeType === Node.TEXT_NODE);
      if (isText && cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).display !== 'inline') {
        problem(panel, `cut: ${JSON.stringify(cell.textContent.slice(0, 80))}`);
      }
    }
  }
}
