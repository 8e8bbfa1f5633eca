(* libixy's functions through libffi: the library is opened by name when the
   program starts, and each call is made from its description. *)

let library = Dl.dlopen ~filename:"libixy.so.1" ~flags:[ Dl.RTLD_NOW ]

include Ixy_functions.Make (struct
  type 'a fn = 'a Ctypes.fn
  type 'a return = 'a
  type 'a result = 'a

  let ( @-> ) = Ctypes.( @-> )
  let returning = Ctypes.returning
  let foreign name kind = Foreign.foreign ~from:library name kind
  let foreign_value name kind = Foreign.foreign_value ~from:library name kind
end)
