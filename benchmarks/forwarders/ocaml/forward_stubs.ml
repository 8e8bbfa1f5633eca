(* ocaml-ctypes through the C stubs that it generates. *)

module Forwarder = Forward_ctypes.Make (Ixy_stubs)

let () = Forwarder.serve "ctypes-stubs"
