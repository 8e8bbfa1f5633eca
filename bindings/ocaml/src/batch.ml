open Bigarray
open Calls
open Errors

(* Invariant: 0 <= length <= capacity, and each frame in [0, length) has a
   handle that is not 0 and lies inside the buffer that its handle names. So
   the accessors compare the handle with the ownership table and the position
   with the length, and nothing else. *)
type t = {
  frames : frames;
  mutable length : int;
  owner : frames;
  index_mask : int;
  memory : memory;
  capacity : int;
  pool : Pool.t;
}

(* What slots from [length] on hold instead of a handle, unless a stale one:
   equal to no entry of an ownership table. *)
let nothing = -1

let create pool capacity =
  if capacity < 1 || capacity > batch_max then
    fail e_range
      (Printf.sprintf "a batch of %d frames; right are 1 to %d" capacity
         batch_max);
  let { Pool.owner; index_mask; memory; _ } = pool.Pool.opened in
  let frames = Array1.create Int C_layout (2 * capacity) in
  Array1.fill frames nothing;
  { frames; length = 0; owner; index_mask; memory; capacity; pool }

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
let[@inline never] refusal batch i pos width =
  if i < 0 || i >= batch.length then no_frame batch i
  else if not (owned batch (handle_at batch.frames i)) then
    exn_of e_handle
      (Printf.sprintf
         "the buffer of frame %d is no longer the program's: it was sent or \
          freed, or its pool is closed"
         i)
  else
    exn_of e_range
      (Printf.sprintf "%d bytes at %d of a packet of %d bytes" width pos
         (len_of (place_at batch.frames i)))

(* Whether the [width] bytes at [pos] of frame [i] may be touched. Nothing
   overflows: [width] is not negative, [len_of place - width] is a small
   number, and [pos] is only compared.

   The accessors have the form [if refused ... then raise ... else access]:
   what the compiler loaded for the check, it knows in the branch behind it. *)
let[@inline] refused batch i pos width =
  i < 0
  || i >= batch.length
  || Array1.unsafe_get batch.owner
       (handle_at batch.frames i land batch.index_mask)
     <> handle_at batch.frames i
  || pos < 0
  || pos > len_of (place_at batch.frames i) - width

(* Where they are in the pool's memory. *)
let[@inline] at batch i pos = offset_of (place_at batch.frames i) + pos

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
  if refused batch i pos 1 then raise (refusal batch i pos 1)
  else Char.code (Array1.unsafe_get batch.memory (at batch i pos))

let[@inline] set_uint8 batch i pos x =
  if refused batch i pos 1 then raise (refusal batch i pos 1)
  else Array1.unsafe_set batch.memory (at batch i pos) (Char.unsafe_chr x)

let[@inline] add_uint8 batch i pos x =
  if refused batch i pos 1 then raise (refusal batch i pos 1)
  else
    let at = at batch i pos in
    Array1.unsafe_set batch.memory at
      (Char.unsafe_chr (Char.code (Array1.unsafe_get batch.memory at) + x))

let[@inline] get_uint16_le batch i pos =
  if refused batch i pos 2 then raise (refusal batch i pos 2)
  else load16 batch.memory (at batch i pos)

let[@inline] get_uint16_be batch i pos =
  if refused batch i pos 2 then raise (refusal batch i pos 2)
  else swap16 (load16 batch.memory (at batch i pos))

let[@inline] set_uint16_le batch i pos x =
  if refused batch i pos 2 then raise (refusal batch i pos 2)
  else store16 batch.memory (at batch i pos) x

let[@inline] set_uint16_be batch i pos x =
  if refused batch i pos 2 then raise (refusal batch i pos 2)
  else store16 batch.memory (at batch i pos) (swap16 x)

let[@inline] get_uint32_le batch i pos =
  if refused batch i pos 4 then raise (refusal batch i pos 4)
  else Int32.to_int (load32 batch.memory (at batch i pos)) land 0xffff_ffff

let[@inline] get_uint32_be batch i pos =
  if refused batch i pos 4 then raise (refusal batch i pos 4)
  else
    Int32.to_int (swap32 (load32 batch.memory (at batch i pos)))
    land 0xffff_ffff

let[@inline] set_uint32_le batch i pos x =
  if refused batch i pos 4 then raise (refusal batch i pos 4)
  else store32 batch.memory (at batch i pos) (Int32.of_int x)

let[@inline] set_uint32_be batch i pos x =
  if refused batch i pos 4 then raise (refusal batch i pos 4)
  else store32 batch.memory (at batch i pos) (swap32 (Int32.of_int x))

let[@inline] get_int64_le batch i pos =
  if refused batch i pos 8 then raise (refusal batch i pos 8)
  else load64 batch.memory (at batch i pos)

let[@inline] get_int64_be batch i pos =
  if refused batch i pos 8 then raise (refusal batch i pos 8)
  else swap64 (load64 batch.memory (at batch i pos))

let[@inline] set_int64_le batch i pos x =
  if refused batch i pos 8 then raise (refusal batch i pos 8)
  else store64 batch.memory (at batch i pos) x

let[@inline] set_int64_be batch i pos x =
  if refused batch i pos 8 then raise (refusal batch i pos 8)
  else store64 batch.memory (at batch i pos) (swap64 x)

let locate batch i pos width =
  if refused batch i pos width then raise (refusal batch i pos width)
  else at batch i pos

let check_bytes bytes off size =
  if off < 0 || size < 0 || off > Bytes.length bytes - size then
    fail e_range
      (Printf.sprintf "%d bytes at %d of a value of %d bytes" size off
         (Bytes.length bytes))

let blit_to_bytes batch i pos bytes off size =
  check_bytes bytes off size;
  copy_to_bytes batch.memory (locate batch i pos size) bytes off size

let blit_of_bytes bytes off batch i pos size =
  check_bytes bytes off size;
  copy_of_bytes bytes off batch.memory (locate batch i pos size) size

let blit_of_string string off batch i pos size =
  blit_of_bytes (Bytes.unsafe_of_string string) off batch i pos size

let sub_string batch i pos size =
  if size < 0 then raise (refusal batch i pos size);
  let at = locate batch i pos size in
  let bytes = Bytes.create size in
  copy_to_bytes batch.memory at bytes 0 size;
  Bytes.unsafe_to_string bytes

let to_string batch i = sub_string batch i 0 (len batch i)

(* Moves both ends of frame [i]'s packet inside its buffer. *)
let move batch i ~by ~len =
  ignore (locate batch i 0 0 : int);
  let handle = handle_at batch.frames i in
  let place = place_at batch.frames i in
  let stride = batch.pool.Pool.opened.stride in
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
  if batch.length = batch.capacity then
    fail e_range
      (Printf.sprintf "the batch is full with %d frames" batch.capacity);
  let last = batch.length in
  Array1.unsafe_set batch.frames (2 * last) handle;
  Array1.unsafe_set batch.frames ((2 * last) + 1) (place_at from.frames i);
  batch.length <- last + 1

(* Takes the frames from [length] on out. *)
let truncate batch length =
  for i = length to batch.length - 1 do
    Array1.unsafe_set batch.frames (2 * i) nothing
  done;
  batch.length <- length

let clear batch = truncate batch 0

(* Takes the first [count] frames out, whose ownership has moved. *)
let[@inline never] drop_some batch count =
  let frames = batch.frames in
  for i = 2 * count to (2 * batch.length) - 1 do
    Array1.unsafe_set frames (i - (2 * count)) (Array1.unsafe_get frames i)
  done;
  truncate batch (batch.length - count)

let[@inline] drop batch count =
  if count = batch.length then batch.length <- 0
  else if count > 0 then drop_some batch count

let alloc_code batch count =
  if count < 0 || count > batch.capacity - batch.length then e_range
  else
    let got =
      buf_alloc (Pool.handle batch.pool) batch.frames batch.length count
    in
    if got > 0 then batch.length <- batch.length + got;
    got

let free_code batch =
  let freed = buf_free (Pool.handle batch.pool) batch.frames 0 batch.length in
  drop batch freed;
  freed

let alloc_exn batch count = check (alloc_code batch count)
let alloc batch count = result (alloc_code batch count)
let free_exn batch = check (free_code batch)
let free batch = result (free_code batch)
