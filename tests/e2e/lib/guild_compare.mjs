// Guild documents compared as what they mean: members in any order, arrays of things by their ids, and
// without the simulator's serial numbers.
const id_of = (value) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return value.id ?? value.sound_id ?? value.user_id ?? value.user?.id;
};

/** The document in a normal form: keys sorted, `_serial` gone, arrays of things with ids sorted by them. */
export function normal(value) {
  if (Array.isArray(value)) {
    const elements = value.map(normal);
    if (elements.length === 0 || elements.some((element) => id_of(element) === undefined)) return elements;
    return elements.sort((a, b) => (String(id_of(a)) < String(id_of(b)) ? -1 : 1));
  }
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value).filter((key) => key !== '_serial').sort();
  return Object.fromEntries(keys.map((key) => [key, normal(value[key])]));
}

/** Where two documents differ: up to `most` paths with both values. */
export function differences(ours, theirs, most = 10) {
  const found = [];
  const walk = (a, b, path) => {
    if (found.length >= most || Object.is(a, b)) return;
    const both = a !== null && b !== null && typeof a === 'object' && typeof b === 'object';
    if (!both || Array.isArray(a) !== Array.isArray(b)) {
      found.push(`${path}: ${brief(a)} instead of ${brief(b)}`);
      return;
    }
    const named = Array.isArray(a) && [...a, ...b].every((element) => id_of(element) !== undefined);
    const left = named ? Object.fromEntries(a.map((element) => [id_of(element), element])) : a;
    const right = named ? Object.fromEntries(b.map((element) => [id_of(element), element])) : b;
    if (named && Object.keys(left).length !== a.length) found.push(`${path}: an id stands in it twice`);
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) walk(left[key], right[key], `${path}.${key}`);
  };
  walk(normal(ours), normal(theirs), '');
  return found;
}

function brief(value) {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
