(* What Ixy_stubs and Ixy_foreign both are. *)

module type S = module type of Ixy_functions.Make (struct
  type 'a fn = 'a Ctypes.fn
  type 'a return = 'a
  type 'a result = 'a

  let ( @-> ) = Ctypes.( @-> )
  let returning = Ctypes.returning
  let foreign name _ = failwith name
  let foreign_value name _ = failwith name
end)
