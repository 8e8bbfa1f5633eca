open Calls
open Errors

(* As the stub builds it. *)
type opened = {
  handle : int;
  memory : memory;
  owner : frames;
  index_mask : int;
  buffer_count : int;
  buffer_size : int;
  stride : int;
  headroom : int;
}

type t = {
  opened : opened;
  mutable closed : bool;
  mutable forgotten : bool;
      (* The finaliser came while a device was still open on the pool: the
         device's closes the pool. *)
}

external open_stub : int -> int -> (opened, error) result
  = "ixy_ocaml_pool_open"

external close_stub : int -> (unit, error) result
  = "ixy_ocaml_pool_close"

external free_count_stub : int -> (int, error) result
  = "ixy_ocaml_pool_free_count"

let close pool =
  match close_stub pool.opened.handle with
  | Ok () ->
      pool.closed <- true;
      Ok ()
  | Error _ as e -> e

let collect pool =
  if not pool.closed then
    match close pool with
    | Error { code = Busy; _ } -> pool.forgotten <- true
    | Ok () | Error _ -> ()

let open_ ?(buffers = 0) ?(buffer_size = 0) () =
  match open_stub buffers buffer_size with
  | Error _ as e -> e
  | Ok opened ->
      let pool = { opened; closed = false; forgotten = false } in
      Gc.finalise collect pool;
      Ok pool

let free_count pool = free_count_stub pool.opened.handle
let buffer_count pool = pool.opened.buffer_count
let buffer_size pool = pool.opened.buffer_size
let headroom pool = pool.opened.headroom
let handle pool = pool.opened.handle
let unsafe_bigarray pool = pool.opened.memory
