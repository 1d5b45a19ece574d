/** Divides an amount in cents among people; the shares add up to the amount. */
export function share(cents, people) {
  const each = Math.floor(cents / people);
  return Array.from({ length: people }, () => each);
}
