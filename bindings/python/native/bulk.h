/* Operations on all packets of a batch in one call.
 *
 * Each packet is checked as every accessor of the Python package checks it: its handle against the ownership table,
 * its place against the buffer that the handle names, the position against its length. The first packet that fails
 * ends the call; the functions return how many packets were done before it, and ixy_bulk_check tells what is wrong
 * with it. cffi's cdef reads this file, so it holds declarations only; ixy.h comes before it.
 */

/* Why bytes [at, at + size) of the packet may not be touched: 0 (they may), IXY_E_HANDLE, IXY_E_FRAME, IXY_E_RANGE. */
int32_t ixy_bulk_check(const ixy_view *view, const ixy_frame *frame, uint32_t at, uint32_t size);

/* Adds delta to byte `at` of each packet, modulo 256. */
int32_t ixy_bulk_add_u8(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint8_t delta);

/* Copies size bytes from `at` on out of each packet to bytes, one packet after the other. */
int32_t ixy_bulk_read(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint32_t size,
                      uint8_t *bytes);

/* Copies size bytes to `at` on of each packet from bytes, which moves on by step (0: the same for each packet). */
int32_t ixy_bulk_write(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint32_t size,
                       const uint8_t *bytes, uint32_t step);

/* Sets the length of each packet to lengths[i * step]; the packet must stay in its buffer (at fails as IXY_E_FRAME). */
int32_t ixy_bulk_resize(const ixy_view *view, ixy_frame *frames, uint32_t count, const uint16_t *lengths,
                        uint32_t step);
