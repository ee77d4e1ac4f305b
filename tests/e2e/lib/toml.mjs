// Writes a configuration of tables of plain values as TOML.
function value_of(value) {
  if (Array.isArray(value)) return `[${value.map(value_of).join(', ')}]`;
  return JSON.stringify(value); // strings, numbers and booleans look alike in both
}

export function to_toml(table, name = '') {
  const here = [];
  const below = [];
  for (const [key, value] of Object.entries(table)) {
    if (value === undefined) continue;
    if (typeof value === 'object' && !Array.isArray(value)) below.push(to_toml(value, name ? `${name}.${key}` : key));
    else here.push(`${key} = ${value_of(value)}`);
  }
  const head = name && here.length ? `[${name}]\n` : '';
  return head + (here.length ? `${here.join('\n')}\n` : '') + below.join('\n');
}
