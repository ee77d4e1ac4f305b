// Chance that a seed repeats: random(seed) gives whole numbers from `least` to `most`.
export function random(seed) {
  let state = seed >>> 0;
  return (least, most) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return least + (((z ^ (z >>> 14)) >>> 0) % (most - least + 1));
  };
}
