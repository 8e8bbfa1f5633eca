open Bigarray
open Calls
open Errors

(* What the accessors need of a frame is checked on each access: that the
   program owns the buffer that the handle names, and that the bytes lie in the
   packet. A frame's two words are read once, and what was read is what is
   checked and used.

   Invariant: a place in [frames] lies in the buffer of the handle beside it.
   Where domains run side by side, and use a batch that only one of them should
   use, this may not hold for the two words that are read, so it is checked too
   there.

   For the same reason, and for signal handlers, each store to [length] is made
   of one load of it: it is from 0 to [capacity] whatever runs in between.

   The first field comes first so that batches cannot be compared or
   marshalled. *)
type t = {
  kept : Handle.t;
  pool : Pool.t;
  frames : frames;
  mutable length : int;
  owner : frames;
  index_mask : int;
  stride : int;
  memory : memory;
  capacity : int;
}

(* What slots from [length] on hold instead of a handle, unless a stale one:
   equal to no entry of an ownership table. *)
let nothing = -1

let create pool capacity =
  if capacity < 1 || capacity > batch_max then
    fail e_range
      (Printf.sprintf "a batch of %d frames; right are 1 to %d" capacity
         batch_max);
  let { Pool.owner; index_mask; stride; memory; _ } = pool.Pool.opened in
  let frames = Array1.create Int C_layout (2 * capacity) in
  Array1.fill frames nothing;
  {
    kept = Handle.none ();
    pool;
    frames;
    length = 0;
    owner;
    index_mask;
    stride;
    memory;
    capacity;
  }

let pool batch = batch.pool
let capacity batch = batch.capacity
let length batch = batch.length

(* i + i is one instruction where 2 * i is three. *)
let[@inline] handle_at (frames : frames) i = Array1.unsafe_get frames (i + i)

let[@inline] place_at (frames : frames) i =
  Array1.unsafe_get frames (i + i + 1)

let[@inline] offset_of place = place land 0xffff_ffff
let[@inline] len_of place = (place lsr 32) land 0xffff

let[@inline] owned batch (handle : int) =
  Array1.unsafe_get batch.owner (handle land batch.index_mask) = handle

let[@inline never] no_frame batch i =
  exn_of e_range
    (Printf.sprintf "frame %d of a batch that holds %d" i batch.length)

(* Why an access was refused. *)
let[@inline never] refusal batch i handle place pos width =
  if not (owned batch handle) then
    exn_of e_handle
      (Printf.sprintf
         "the buffer of frame %d is no longer the program's: it was sent or \
          freed, or its pool is closed"
         i)
  else if pos < 0 || pos > len_of place - width then
    exn_of e_range
      (Printf.sprintf "%d bytes at %d of a packet of %d bytes" width pos
         (len_of place))
  else exn_of e_frame (Printf.sprintf "frame %d is not in its buffer" i)

(* Whether the packet leaves the buffer with this index: it has bytes of the
   buffer [before] and [behind] it. *)
let[@inline] misplaced batch index place =
  let before = offset_of place - (index * batch.stride) in
  let behind = batch.stride - len_of place - before in
  before lor behind < 0

(* Where the [width] bytes at [pos] of frame [i] are in the pool's memory.
   Nothing overflows: [width] is not negative, [len_of place - width] is a small
   number, and [pos] is only compared. *)
let[@inline] locate batch i pos width =
  if i < 0 || i >= batch.length then raise (no_frame batch i)
  else
    let handle = handle_at batch.frames i in
    let place = place_at batch.frames i in
    let index = handle land batch.index_mask in
    if
      Array1.unsafe_get batch.owner index <> handle
      || pos < 0
      || pos > len_of place - width
      || (Domains.present && misplaced batch index place)
    then raise (refusal batch i handle place pos width)
    else offset_of place + pos

let[@inline] check_index batch i =
  if i < 0 || i >= batch.length then raise (no_frame batch i)

let[@inline] len batch i =
  check_index batch i;
  len_of (place_at batch.frames i)

let[@inline] offset batch i =
  check_index batch i;
  offset_of (place_at batch.frames i)

let[@inline] handle batch i =
  check_index batch i;
  handle_at batch.frames i

let[@inline] is_owned batch i = owned batch (handle batch i)

let[@inline] get_uint8 batch i pos =
  Char.code (Array1.unsafe_get batch.memory (locate batch i pos 1))

let[@inline] set_uint8 batch i pos x =
  Array1.unsafe_set batch.memory (locate batch i pos 1) (Char.unsafe_chr x)

let[@inline] add_uint8 batch i pos x =
  let at = locate batch i pos 1 in
  Array1.unsafe_set batch.memory at
    (Char.unsafe_chr (Char.code (Array1.unsafe_get batch.memory at) + x))

let[@inline] get_uint16_le batch i pos =
  load16 batch.memory (locate batch i pos 2)

let[@inline] get_uint16_be batch i pos =
  swap16 (load16 batch.memory (locate batch i pos 2))

let[@inline] set_uint16_le batch i pos x =
  store16 batch.memory (locate batch i pos 2) x

let[@inline] set_uint16_be batch i pos x =
  store16 batch.memory (locate batch i pos 2) (swap16 x)

let[@inline] get_uint32_le batch i pos =
  Int32.to_int (load32 batch.memory (locate batch i pos 4)) land 0xffff_ffff

let[@inline] get_uint32_be batch i pos =
  Int32.to_int (swap32 (load32 batch.memory (locate batch i pos 4)))
  land 0xffff_ffff

let[@inline] set_uint32_le batch i pos x =
  store32 batch.memory (locate batch i pos 4) (Int32.of_int x)

let[@inline] set_uint32_be batch i pos x =
  store32 batch.memory (locate batch i pos 4) (swap32 (Int32.of_int x))

let[@inline] get_int64_le batch i pos =
  load64 batch.memory (locate batch i pos 8)

let[@inline] get_int64_be batch i pos =
  swap64 (load64 batch.memory (locate batch i pos 8))

let[@inline] set_int64_le batch i pos x =
  store64 batch.memory (locate batch i pos 8) x

let[@inline] set_int64_be batch i pos x =
  store64 batch.memory (locate batch i pos 8) (swap64 x)

(* A size that is not negative, as [locate] needs it. *)
let locate_size batch i pos size =
  if size < 0 then
    fail e_range (Printf.sprintf "%d bytes; right are 0 or more" size)
  else locate batch i pos size

let no_bytes bytes off size =
  exn_of e_range
    (Printf.sprintf "%d bytes at %d of a value of %d bytes" size off
       (Bytes.length bytes))

let blit_to_bytes batch i pos bytes off size =
  let at = locate_size batch i pos size in
  if not (copy_to_bytes batch.memory at bytes off size) then
    raise (no_bytes bytes off size)

let blit_of_bytes bytes off batch i pos size =
  let at = locate_size batch i pos size in
  if not (copy_of_bytes bytes off batch.memory at size) then
    raise (no_bytes bytes off size)

let blit_of_string string off batch i pos size =
  blit_of_bytes (Bytes.unsafe_of_string string) off batch i pos size

(* Found again after the allocation: other threads and signal handlers may run
   there, and send the packet. *)
let sub_string batch i pos size =
  ignore (locate_size batch i pos size : int);
  let bytes = Bytes.create size in
  blit_to_bytes batch i pos bytes 0 size;
  Bytes.unsafe_to_string bytes

let to_string batch i = sub_string batch i 0 (len batch i)

(* Moves both ends of frame [i]'s packet inside its buffer. *)
let move batch i ~by ~len =
  check_index batch i;
  let handle = handle_at batch.frames i in
  let place = place_at batch.frames i in
  if not (owned batch handle) then raise (refusal batch i handle place 0 0);
  let stride = batch.stride in
  let first = handle land batch.index_mask * stride in
  let start = offset_of place - first in
  (* by is compared first, so that the sums below cannot overflow. *)
  if
    by < -stride || by > stride || len < 0 || len > 0xffff
    || start + by < 0
    || start + by + len > stride
  then
    fail e_frame
      (Printf.sprintf
         "a packet of %d bytes from byte %d on does not fit into a buffer of \
          %d bytes"
         len
         (if by < -stride || by > stride then by else start + by)
         stride);
  let flags = place land lnot 0xffff_ffff_ffff in
  Array1.unsafe_set batch.frames
    ((2 * i) + 1)
    ((first + start + by) lor (len lsl 32) lor flags)

(* Bits 48 and 49 of the place: IXY_FRAME_MORE and IXY_FRAME_METADATA. *)
let flag_more = 1 lsl 48

let more batch i =
  check_index batch i;
  place_at batch.frames i land flag_more <> 0

let set_more batch i more =
  check_index batch i;
  let place = place_at batch.frames i in
  Array1.unsafe_set batch.frames
    ((2 * i) + 1)
    (if more then place lor flag_more else place land lnot flag_more)

external metadata_stub :
  int -> frames -> int -> (Metadata.t, error) result
  = "ixy_ocaml_buf_metadata"

external set_metadata_stub : int -> frames -> int -> Metadata.t -> int
  = "ixy_ocaml_buf_metadata_set"
  [@@noalloc]

let metadata batch i =
  ignore (locate batch i 0 0 : int);
  get_ok (metadata_stub (Pool.handle batch.pool) batch.frames i)

let set_metadata batch i (metadata : Metadata.t) =
  ignore (locate batch i 0 0 : int);
  let number name x max =
    if x < 0 || x > max then
      fail e_argument
        (Printf.sprintf "%s is %d; right are 0 to %d" name x max)
  in
  number "timestamp" metadata.timestamp max_int;
  number "vlan_tci" metadata.vlan_tci 0xffff;
  number "l2_len" metadata.l2_len 0xff;
  number "l3_len" metadata.l3_len 0xff;
  let code =
    set_metadata_stub (Pool.handle batch.pool) batch.frames i metadata
  in
  ignore (check code : int)

let set_len batch i len = move batch i ~by:0 ~len

let advance batch i by =
  let now = len batch i in
  if by > now then
    fail e_range (Printf.sprintf "%d bytes off a packet of %d bytes" by now);
  move batch i ~by ~len:(now - by)

let add batch ~from i =
  if from.pool != batch.pool then
    fail e_argument "the two batches belong to different pools";
  let handle = handle from i in
  let place = place_at from.frames i in
  let last = batch.length in
  if last = batch.capacity then
    fail e_range
      (Printf.sprintf "the batch is full with %d frames" batch.capacity);
  Array1.unsafe_set batch.frames (2 * last) handle;
  Array1.unsafe_set batch.frames ((2 * last) + 1) place;
  batch.length <- last + 1

(* Takes the first [count] of the [length] frames out, whose ownership has
   moved. In C, as a signal handler may run between the rounds of a loop. *)
let[@inline] drop batch length count =
  if count = length then batch.length <- 0
  else if count > 0 then (
    drop_frames batch.frames length count;
    batch.length <- length - count)

let clear batch =
  let length = batch.length in
  drop_frames batch.frames length length;
  batch.length <- 0

let alloc_code batch count =
  let length = batch.length in
  if count < 0 || count > batch.capacity - length then e_range
  else
    let got = buf_alloc (Pool.handle batch.pool) batch.frames length count in
    if got > 0 then batch.length <- length + got;
    got

let free_code batch =
  let length = batch.length in
  let freed = buf_free (Pool.handle batch.pool) batch.frames 0 length in
  drop batch length freed;
  freed

let alloc_exn batch count = check (alloc_code batch count)
let alloc batch count = result (alloc_code batch count)
let free_exn batch = check (free_code batch)
let free batch = result (free_code batch)
