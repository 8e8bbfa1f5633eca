(* libixy's functions through the C stubs that ocaml-ctypes generates. *)

include Ixy_functions.Make (Ixy_generated)
