// In: variables' values. Out: the function by which Grafana's code puts them into titles, names and links.
export function replaced(variables) {
  return (text, scoped = {}) =>
    (text ?? '').replace(/\$(\w+)|\$\{([^}:]+)(?::\w+)?\}/g, (whole, bare, braced) => {
      const path = bare ?? braced;
      const label = /^__field\.labels\.(.+)$|^__field\.labels\["(.+)"\]$/.exec(path);
      if (label) {
        return scoped.__dataContext?.value.field.labels?.[label[1] ?? label[2]] ?? '';
      }
      const value = scoped[path]?.value ?? variables[path]?.text;
      return value ?? whole;
    });
}
