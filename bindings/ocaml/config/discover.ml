(* Chooses where the C library comes from: its own sources in vendor/ (the
   default), or with LIBIXY_SYSTEM=1 an installed libixy that pkg-config
   finds. *)

module C = Configurator.V1

let warnings = [ "-Wall"; "-Wextra"; "-Wno-unused-parameter" ]

let vendored =
  {
    C.Pkg_config.cflags =
      [ "-std=gnu11"; "-D_GNU_SOURCE"; "-O2"; "-I../vendor" ];
    libs = [ "-lpthread" ];
  }

let system c =
  let found =
    Option.bind (C.Pkg_config.get c) (fun pkg_config ->
        C.Pkg_config.query pkg_config ~package:"libixy")
  in
  match found with
  | None ->
      C.die
        "LIBIXY_SYSTEM is set, but pkg-config does not find libixy: set \
         PKG_CONFIG_PATH to the folder of libixy.pc, or unset LIBIXY_SYSTEM to \
         build the library from its own sources"
  | Some { C.Pkg_config.cflags; libs } ->
      {
        C.Pkg_config.cflags =
          [ "-std=gnu11"; "-D_GNU_SOURCE"; "-O2"; "-DIXY_OCAML_SYSTEM" ]
          @ cflags;
        libs;
      }

let () =
  C.main ~name:"libixy" (fun c ->
      let conf =
        match Sys.getenv_opt "LIBIXY_SYSTEM" with
        | None | Some ("" | "0") -> vendored
        | Some _ -> system c
      in
      C.Flags.write_sexp "c_flags.sexp" (conf.cflags @ warnings);
      C.Flags.write_sexp "c_library_flags.sexp" conf.libs)
