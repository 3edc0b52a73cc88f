/**
 * A view as it goes to another thread. A message copies the whole buffer under a view, however
 * little of it is seen: a query that is one row of a caller's table would take the table along.
 */
export function ownView<View extends Uint8Array | Uint32Array | Float32Array>(view: View): View {
  const { buffer, byteLength } = view;
  const isWhole = byteLength === buffer.byteLength || buffer instanceof SharedArrayBuffer;
  return isWhole ? view : (view.slice() as View);
}
