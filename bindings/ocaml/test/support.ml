(* What the tests share: checks by name, and pools and devices that are looked
   at when a test is done with them. *)

open Ixy

let int = Alcotest.(check int)
let bool = Alcotest.(check bool)
let string = Alcotest.(check string)

let fails name what f =
  match f () with
  | Ok _ -> Alcotest.failf "%s: no error instead of %s" what name
  | Result.Error e ->
      string what name e.name;
      bool (what ^ ": has a text") true (e.text <> "")

let raises name what f =
  match f () with
  | _ -> Alcotest.failf "%s: no error instead of %s" what name
  | exception Error e ->
      string what name e.name;
      bool (what ^ ": has a text") true (e.text <> "")

let contains text part =
  let n = String.length part in
  let rec at i =
    i + n <= String.length text && (String.sub text i n = part || at (i + 1))
  in
  at 0

(* Runs [f] with a pool and looks that all its buffers came back. *)
let with_pool ?(buffers = 2048) f =
  let pool = get_ok (Pool.open_ ~buffers ()) in
  Fun.protect
    ~finally:(fun () -> ignore (Pool.close pool : (unit, error) result))
    (fun () ->
      f pool;
      int "all buffers are back" buffers (get_ok (Pool.free_count pool)))

let with_device ?(address = "emu:82599,timing=inline") pool f =
  let device = get_ok (Device.open_ ~pool address) in
  Fun.protect
    ~finally:(fun () -> ignore (Device.close device : (unit, error) result))
    (fun () ->
      get_ok (Device.start device);
      f device;
      Alcotest.(check (list string))
        "no violations" []
        (get_ok (Emu.violations device)))

let one pool len =
  let batch = Batch.create pool 1 in
  int "one buffer" 1 (Batch.alloc_exn batch 1);
  Batch.set_len batch 0 len;
  batch

let copy batch =
  let other = Batch.create (Batch.pool batch) (Batch.capacity batch) in
  for i = 0 to Batch.length batch - 1 do
    Batch.add other ~from:batch i
  done;
  other

let free batch = ignore (Batch.free_exn batch : int)

(* Where dune puts the library's compiled interface. *)
let compiled =
  Filename.concat
    (Filename.dirname Sys.executable_name)
    "../src/.ixy.objs/byte"

(* What the compiler says of a program, "" if nothing. *)
let compiler_says body =
  let folder = Filename.temp_file "ixy" "safety" in
  Sys.remove folder;
  Unix.mkdir folder 0o700;
  let at name = Filename.concat folder name in
  let read file =
    let channel = open_in file in
    let text = really_input_string channel (in_channel_length channel) in
    close_in channel;
    text
  in
  Fun.protect
    ~finally:(fun () ->
      Array.iter (fun name -> Sys.remove (at name)) (Sys.readdir folder);
      Unix.rmdir folder)
    (fun () ->
      let channel = open_out (at "program.ml") in
      output_string channel body;
      close_out channel;
      let status =
        Sys.command
          (Printf.sprintf "ocamlc -w -a -I %s -c %s >%s 2>&1"
             (Filename.quote compiled)
             (Filename.quote (at "program.ml"))
             (Filename.quote (at "said")))
      in
      (* later releases quote types *)
      let said =
        String.concat "" (String.split_on_char '"' (read (at "said")))
      in
      bool ("it says why: " ^ said) true (status = 0 = (said = ""));
      said)
