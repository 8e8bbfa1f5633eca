(* The C library's hot calls, and the frames and bytes that they work on. This
   module is linked first of those that call it, and looks at the library. *)

open Bigarray

external initialize : unit -> unit = "ixy_ocaml_initialize"
external abi_version : unit -> int = "ixy_ocaml_abi_version"
external version : unit -> string = "ixy_ocaml_version"

let batch_max = 4096
let buffers_max = 262144

let () =
  if Sys.int_size < 63 || Sys.big_endian then
    failwith "libixy: a little-endian 64-bit machine is needed";
  if abi_version () <> 1 then
    failwith
      (Printf.sprintf "libixy: this binding is for ABI 1, the C library has %d"
         (abi_version ()));
  initialize ()

(* Two ints a frame: the handle, and offset | len << 32 | flags << 48 (of which
   an int loses the highest bit; the library sets none). *)
type frames = (int, int_elt, c_layout) Array1.t
type memory = (char, int8_unsigned_elt, c_layout) Array1.t

external buf_alloc :
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_buf_alloc_byte" "ixy_ocaml_buf_alloc"
  [@@noalloc]

external buf_free :
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_buf_free_byte" "ixy_ocaml_buf_free"
  [@@noalloc]

external rx :
  (int[@untagged]) ->
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_rx_batch_byte" "ixy_ocaml_rx_batch"
  [@@noalloc]

external tx :
  (int[@untagged]) ->
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_tx_batch_byte" "ixy_ocaml_tx_batch"
  [@@noalloc]

external buf_read : int -> frames -> int -> int -> Bytes.t -> int
  = "ixy_ocaml_buf_read"
  [@@noalloc]

external buf_write : int -> frames -> int -> int -> Bytes.t -> int
  = "ixy_ocaml_buf_write"
  [@@noalloc]

external rx_arm : (int[@untagged]) -> (int[@untagged]) -> (int[@untagged])
  = "ixy_ocaml_rx_arm_byte" "ixy_ocaml_rx_arm"
  [@@noalloc]

(* [drop_frames frames length count] moves the frames from [count] to [length]
   to the front, over the first [count]; what they leave holds no handle. *)
external drop_frames : frames -> (int[@untagged]) -> (int[@untagged]) -> unit
  = "ixy_ocaml_frames_drop_byte" "ixy_ocaml_frames_drop"
  [@@noalloc]

(* The copies are [false], and copy nothing, where the bytes do not hold so
   many. *)
external copy_to_bytes : memory -> int -> Bytes.t -> int -> int -> bool
  = "ixy_ocaml_copy_to_bytes"
  [@@noalloc]

external copy_of_bytes : Bytes.t -> int -> memory -> int -> int -> bool
  = "ixy_ocaml_copy_of_bytes"
  [@@noalloc]

(* The compiler's own loads and stores of several bytes, unchecked. *)
external load16 : memory -> int -> int = "%caml_bigstring_get16u"
external load32 : memory -> int -> int32 = "%caml_bigstring_get32u"
external load64 : memory -> int -> int64 = "%caml_bigstring_get64u"
external store16 : memory -> int -> int -> unit = "%caml_bigstring_set16u"
external store32 : memory -> int -> int32 -> unit = "%caml_bigstring_set32u"
external store64 : memory -> int -> int64 -> unit = "%caml_bigstring_set64u"
external swap16 : int -> int = "%bswap16"
external swap32 : int32 -> int32 = "%bswap_int32"
external swap64 : int64 -> int64 = "%bswap_int64"
