(* What closes a pool or a device that is forgotten, or whose opening was
   interrupted: a block of C that is made before the library opens anything, and
   has its handle from the moment on at which the library gave it. It cannot be
   compared or marshalled, and nor can the records that it is the first field
   of; copies of them share it. *)
type t

external pool : unit -> t = "ixy_ocaml_handle_pool"

(* The device's keeps the pool open until the device is closed, in whichever
   order they are collected. *)
external device : t option -> t = "ixy_ocaml_handle_device"

(* Of what has nothing to close. *)
external none : unit -> t = "ixy_ocaml_handle_none"

(* At once, and without letting anything run in between. *)
external close : t -> unit = "ixy_ocaml_handle_close" [@@noalloc]

(* [opening handle f] is [f ()], which opens; where a signal handler or a lack
   of memory ends [f], what was opened is closed. *)
let opening handle f =
  try f ()
  with e ->
    close handle;
    raise e

(* [collecting f] is [f ()]; where a limit was reached, the collector first ends
   what is forgotten, and [f] gets a second try. The views of closed pools are
   among it, as are pools and devices. *)
let collecting f =
  match f () with
  | Error { Errors.code = Limit; _ } ->
      Gc.full_major ();
      f ()
  | result -> result
