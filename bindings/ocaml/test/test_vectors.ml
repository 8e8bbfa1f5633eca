(* Runs the vectors that all bindings share: tests/vectors of the repository
   (test/vectors in a source package), or the folder in IXY_VECTORS. The file
   format is described beside them. *)

open Ixy
module Json = Yojson.Safe.Util

(* A frame variable is a frame of the default packet type, a batch of one; what
   that type cannot hold (forged handles, frames past their buffer) is a raw
   frame. *)
type frame = Packet of Batch.t | Forged of Pool.t * Raw.frames

type value =
  | Pool of Pool.t
  | Device of Device.t
  | Frame of frame
  | Frames of Batch.t

type case = {
  values : (string, value) Hashtbl.t;
  mutable last_pool : Pool.t option;
  folder : string Lazy.t;
}

exception Failed of error

let count code = if code < 0 then raise (Failed (Raw.error code)) else code
let got = function Ok x -> x | Result.Error e -> raise (Failed e)
let failf format = Printf.ksprintf (fun text -> Alcotest.fail text) format

(* ---- reading a step ---- *)

let text step key = Json.to_string (Json.member key step)

let texts step key =
  List.map Json.to_string (Json.to_list (Json.member key step))

let texts_or step key =
  match Json.member key step with `Null -> [] | _ -> texts step key

let number step key =
  match Json.member key step with
  | `Int n -> n
  | `Intlit s | `String s -> int_of_string s
  | _ -> failf "member %s is no number" key

let number_or step key default =
  match Json.member key step with `Null -> default | _ -> number step key

let optional step key =
  match Json.member key step with `Null -> None | _ -> Some (number step key)

let queue step = number_or step "queue" 0

let find case name =
  match Hashtbl.find_opt case.values name with
  | Some value -> value
  | None -> failf "no variable %s" name

let pool case name =
  match find case name with Pool p -> p | _ -> failf "%s is no pool" name

let device case name =
  match find case name with Device d -> d | _ -> failf "%s is no device" name

let frame case name =
  match find case name with
  | Frame f -> f
  | Frames b when Batch.length b > 0 -> Packet b
  | _ -> failf "%s is no frame" name

let set case name value = Hashtbl.replace case.values name value

let of_hex hex =
  String.init
    (String.length hex / 2)
    (fun i -> Char.chr (int_of_string ("0x" ^ String.sub hex (2 * i) 2)))

let to_hex bytes =
  String.concat ""
    (List.map (fun c -> Printf.sprintf "%02x" (Char.code c))
       (List.of_seq (String.to_seq bytes)))

(* ---- frames ---- *)

let parts = function
  | Packet b -> (Batch.handle b 0, Batch.offset b 0, Batch.len b 0)
  | Forged (_, raw) -> (Raw.handle raw 0, Raw.offset raw 0, Raw.len raw 0)

let pool_of = function Packet b -> Batch.pool b | Forged (pool, _) -> pool

let forge pool handle offset len =
  let raw = Raw.frames 1 in
  Raw.set raw 0 ~handle ~offset ~len;
  Forged (pool, raw)

let write frame at bytes =
  match frame with
  | Packet b -> Batch.blit_of_string bytes 0 b 0 at (String.length bytes)
  | Forged (pool, raw) ->
      ignore
        (count (Raw.write pool raw 0 ~pos:at (Bytes.of_string bytes)) : int)

let read frame at size =
  match frame with
  | Packet b -> Batch.sub_string b 0 at size
  | Forged (pool, raw) ->
      let bytes = Bytes.create size in
      ignore (count (Raw.read pool raw 0 ~pos:at bytes) : int);
      Bytes.to_string bytes

(* The frames named, one after the other: in a batch of their pool, or raw where
   one is forged or from another pool. *)
let gather case names =
  let frames =
    List.concat_map
      (fun name ->
        match find case name with
        | Frames b ->
            List.init (Batch.length b) (fun i ->
                let one = Batch.create (Batch.pool b) 1 in
                Batch.add one ~from:b i;
                Packet one)
        | _ -> [ frame case name ])
      names
  in
  let same_pool =
    match frames with
    | Packet first :: rest ->
        List.for_all
          (function
            | Packet b -> Batch.pool b == Batch.pool first | Forged _ -> false)
          rest
    | _ -> false
  in
  match frames with
  | first :: _ when same_pool && List.length frames <= batch_max ->
      let batch = Batch.create (pool_of first) (List.length frames) in
      List.iter
        (function
          | Packet b -> Batch.add batch ~from:b 0 | Forged _ -> assert false)
        frames;
      `Batch batch
  | _ ->
      let raw = Raw.frames (List.length frames) in
      List.iteri
        (fun i f ->
          let handle, offset, len = parts f in
          Raw.set raw i ~handle ~offset ~len)
        frames;
      `Raw (raw, List.length frames)

(* Names the frames of a batch, each in a batch of its own. *)
let spread case batch names =
  List.iteri
    (fun i name ->
      let one = Batch.create (Batch.pool batch) 1 in
      Batch.add one ~from:batch i;
      set case name (Frame (Packet one)))
    names

let fill_byte seed i = Char.chr ((seed + (7 * i)) land 255)

(* ---- comparing records ---- *)

let members equals actual =
  List.iter
    (fun (key, want) ->
      match List.assoc_opt key actual with
      | None -> failf "no member %s" key
      | Some have ->
          let want =
            match want with
            | `Bool b -> `Int (Bool.to_int b)
            | other -> other
          in
          let sorted = function
            | `List names -> `List (List.sort compare names)
            | other -> other
          in
          if sorted want <> sorted have then
            failf "%s is %s, not %s" key
              (Yojson.Safe.to_string have)
              (Yojson.Safe.to_string want))
    (Json.to_assoc equals)

(* ---- bits, which are constructors here ---- *)

let capabilities =
  Device.
    [
      ("RX_CHECKSUM", Rx_checksum);
      ("TX_CHECKSUM", Tx_checksum);
      ("VLAN_STRIP", Vlan_strip);
      ("VLAN_INSERT", Vlan_insert);
      ("RX_TIMESTAMP", Rx_timestamp);
      ("JUMBO", Jumbo);
      ("QUEUE_STATS", Queue_stats);
      ("RX_WAIT", Rx_wait);
    ]

let flags =
  Metadata.
    [
      ("TIMESTAMP", Timestamp);
      ("VLAN", Vlan);
      ("RX_IP_GOOD", Rx_ip_good);
      ("RX_IP_BAD", Rx_ip_bad);
      ("RX_L4_GOOD", Rx_l4_good);
      ("RX_L4_BAD", Rx_l4_bad);
      ("TX_IP_CHECKSUM", Tx_ip_checksum);
      ("TX_TCP_CHECKSUM", Tx_tcp_checksum);
      ("TX_UDP_CHECKSUM", Tx_udp_checksum);
    ]

let named table name =
  match List.assoc_opt name table with
  | Some constructor -> constructor
  | None -> failf "no bit is named %s" name

let names table set =
  `List
    (List.filter_map
       (fun (name, constructor) ->
         if List.mem constructor set then Some (`String name) else None)
       table)

(* ---- records ---- *)

let info (i : Device.info) =
  [
    ("driver", `String i.driver);
    ("name", `String i.name);
    ("address", `String i.address);
    ("vendor", `Int i.vendor);
    ("device_id", `Int i.device_id);
    ("rx_queues", `Int i.rx_queues);
    ("tx_queues", `Int i.tx_queues);
    ("rx_ring_size", `Int i.rx_ring_size);
    ("tx_ring_size", `Int i.tx_ring_size);
    ("tx_len_min", `Int i.tx_len_min);
    ("tx_len_max", `Int i.tx_len_max);
    ("emulated", `Int (Bool.to_int i.emulated));
    ("offloads", names capabilities i.offloads);
    ("rx_len_max", `Int i.rx_len_max);
    ("rx_frames_max", `Int i.rx_frames_max);
  ]

let link (l : Device.link) =
  [ ("up", `Int (Bool.to_int l.up)); ("speed_mbps", `Int l.speed_mbps) ]

let stats (s : Device.stats) =
  [
    ("rx_packets", `Int s.rx_packets);
    ("rx_bytes", `Int s.rx_bytes);
    ("tx_packets", `Int s.tx_packets);
    ("tx_bytes", `Int s.tx_bytes);
    ("rx_missed", `Int s.rx_missed);
    ("rx_errors", `Int s.rx_errors);
    ("rx_dropped", `Int s.rx_dropped);
    ("rx_starved", `Int s.rx_starved);
  ]

let queue_stats (s : Device.queue_stats) =
  [
    ("rx_packets", `Int s.rx_packets);
    ("rx_bytes", `Int s.rx_bytes);
    ("tx_packets", `Int s.tx_packets);
    ("tx_bytes", `Int s.tx_bytes);
    ("rx_missed", `Int s.rx_missed);
    ("rx_dropped", `Int s.rx_dropped);
    ("rx_starved", `Int s.rx_starved);
  ]

let metadata (m : Metadata.t) =
  [
    ("flags", names flags m.flags);
    ("timestamp", `Int m.timestamp);
    ("vlan_tci", `Int m.vlan_tci);
    ("l2_len", `Int m.l2_len);
    ("l3_len", `Int m.l3_len);
  ]

let counters (c : Emu.counters) =
  [
    ("violations", `Int c.violations);
    ("generated", `Int c.generated);
    ("verified", `Int c.verified);
    ("damaged", `Int c.damaged);
    ("repeated", `Int c.repeated);
    ("reordered", `Int c.reordered);
    ("foreign", `Int c.foreign);
    ("wire_dropped", `Int c.wire_dropped);
  ]

(* ---- the operations ---- *)

(* Replaces each mark in a text. *)
let replace ~mark ~by text =
  let n = String.length mark in
  let buffer = Buffer.create (String.length text) in
  let rec copy i =
    if i + n <= String.length text && String.sub text i n = mark then (
      Buffer.add_string buffer (by ());
      copy (i + n))
    else if i < String.length text then (
      Buffer.add_char buffer text.[i];
      copy (i + 1))
  in
  copy 0;
  Buffer.contents buffer

(* Replaces {tmp} by the case's own folder. *)
let address case step =
  let given = text step "address" in
  replace ~mark:"{tmp}" ~by:(fun () -> Lazy.force case.folder) given

let the_pool case =
  match case.last_pool with
  | Some pool -> pool
  | None -> failf "the case has no pool"

(* Receiving needs a batch of the device's pool; the case's last pool serves for
   devices that have none. *)
let device_pools : (Device.t * Pool.t) list ref = ref []

let pool_for case device =
  match List.assq_opt device !device_pools with
  | Some pool -> pool
  | None -> the_pool case

let equals_int what want have =
  if want <> have then failf "%s: %d, not %d" what have want

let rec rx_until device ~queue batch most tries =
  let room = Batch.length batch in
  ignore (got (Device.rx_batch device ~queue batch) : int);
  if Batch.length batch < most && tries > 0 then (
    if Batch.length batch = room then Unix.sleepf 0.001;
    rx_until device ~queue batch most (tries - 1))

let has_and_lacks step has =
  List.iter
    (fun name -> if not (has name) then failf "it has no %s" name)
    (texts_or step "has");
  List.iter
    (fun name -> if has name then failf "it has %s" name)
    (texts_or step "lacks")

(* The batch of one that is a frame of the default packet type. *)
let packet case name =
  match frame case name with
  | Packet b -> b
  | Forged _ -> failf "%s is forged" name

let perform case step =
  let the_device () = device case (text step "device") in
  match text step "op" with
  | "pool_open" ->
      let opened =
        got
          (Pool.open_ ?buffers:(optional step "buffers")
             ?buffer_size:(optional step "buffer_size")
             ())
      in
      case.last_pool <- Some opened;
      set case (text step "pool") (Pool opened)
  | "pool_close" -> got (Pool.close (pool case (text step "pool")))
  | "pool_free_count" ->
      let free = got (Pool.free_count (pool case (text step "pool"))) in
      equals_int "free buffers" (number_or step "equals" free) free
  | "device_open" ->
      let pool =
        match Json.member "pool" step with
        | `Null -> None
        | name -> Some (pool case (Json.to_string name))
      in
      let opened =
        got
          (Device.open_ ?pool
             ?rx_queues:(optional step "rx_queues")
             ?tx_queues:(optional step "tx_queues")
             ?rx_ring_size:(optional step "rx_ring_size")
             ?tx_ring_size:(optional step "tx_ring_size")
             ~offloads:
               (List.map (named capabilities) (texts_or step "offloads"))
             ?frame_len_max:(optional step "frame_len_max")
             (address case step))
      in
      Option.iter
        (fun pool -> device_pools := (opened, pool) :: !device_pools)
        pool;
      set case (text step "device") (Device opened)
  | "device_start" -> got (Device.start (the_device ()))
  | "device_reset" -> got (Device.reset (the_device ()))
  | "device_close" -> got (Device.close (the_device ()))
  | "device_info" ->
      let i = got (Device.info (the_device ())) in
      if Json.member "equals" step <> `Null then
        members (Json.member "equals" step) (info i)
  | "features" ->
      let features = got (Device.features (the_device ())) in
      has_and_lacks step (fun name -> List.mem name features)
  | "capabilities" ->
      let i = got (Device.info (the_device ())) in
      has_and_lacks step (fun name ->
          List.mem (named capabilities name) i.capabilities)
  | "link" ->
      let l = got (Device.link (the_device ())) in
      if Json.member "equals" step <> `Null then
        members (Json.member "equals" step) (link l)
  | "stats" ->
      let s = got (Device.stats (the_device ())) in
      if Json.member "equals" step <> `Null then
        members (Json.member "equals" step) (stats s)
  | "queue_stats" ->
      members (Json.member "equals" step)
        (queue_stats
           (got (Device.queue_stats (the_device ()) ~queue:(queue step))))
  | "counters" ->
      let c = got (Emu.counters (the_device ())) in
      if Json.member "equals" step <> `Null then
        members (Json.member "equals" step) (counters c)
  | "mac" -> (
      let mac = got (Device.mac (the_device ())) in
      match Json.member "equals" step with
      | `Null -> ()
      | want ->
          let want = String.lowercase_ascii (Json.to_string want) in
          if mac <> want then failf "the MAC is %s, not %s" mac want)
  | "mac_set" -> got (Device.set_mac (the_device ()) (text step "mac"))
  | "promiscuous_set" -> (
      (* bool has no other values *)
      match number step "on" with
      | (0 | 1) as on -> got (Device.set_promiscuous (the_device ()) (on = 1))
      | on -> raise (Failed { (Raw.error (-2)) with text = string_of_int on }))
  | "alloc" ->
      let names = texts step "into" in
      let batch =
        Batch.create (pool case (text step "pool")) (List.length names)
      in
      equals_int "allocated" (List.length names)
        (got (Batch.alloc batch (List.length names)));
      spread case batch names
  | "alloc_count" ->
      let n = number step "count" in
      let batch = Batch.create (pool case (text step "pool")) n in
      let have = got (Batch.alloc batch n) in
      equals_int "allocated" (number_or step "returned" n) have;
      set case (text step "into") (Frames batch)
  | "set_len" -> (
      let len = number step "len" in
      match find case (text step "frame") with
      | Frames batch ->
          for i = 0 to Batch.length batch - 1 do
            Batch.set_len batch i len
          done
      | _ -> (
          match frame case (text step "frame") with
          | Packet b -> Batch.set_len b 0 len
          | Forged (_, raw) ->
              Raw.set raw 0 ~handle:(Raw.handle raw 0)
                ~offset:(Raw.offset raw 0) ~len))
  | "check_len" ->
      equals_int "length" (number step "len")
        (Batch.len (packet case (text step "frame")) 0)
  | "more" -> (
      let b = packet case (text step "frame") in
      match optional step "on" with
      | Some on -> Batch.set_more b 0 (on <> 0)
      | None ->
          equals_int "more" (number step "equals")
            (Bool.to_int (Batch.more b 0)))
  | "metadata_set" ->
      Batch.set_metadata
        (packet case (text step "frame"))
        0
        {
          Metadata.none with
          flags = List.map (named flags) (texts step "flags");
          vlan_tci = number_or step "vlan_tci" 0;
          l2_len = number_or step "l2_len" 0;
          l3_len = number_or step "l3_len" 0;
        }
  | "metadata" -> (
      let m = Batch.metadata (packet case (text step "frame")) 0 in
      members (Json.member "equals" step) (metadata m);
      match Json.member "not_before" step with
      | `Null -> ()
      | other ->
          let earlier = Batch.metadata (packet case (Json.to_string other)) 0 in
          if m.timestamp < earlier.timestamp then
            failf "time stamp %d is before %d" m.timestamp earlier.timestamp)
  | "write" ->
      write (frame case (text step "frame")) (number step "at")
        (of_hex (text step "hex"))
  | "read" ->
      let have =
        read (frame case (text step "frame")) (number step "at")
          (number step "size")
      in
      if Json.member "hex" step <> `Null then
        Alcotest.(check string) "bytes"
          (String.lowercase_ascii (text step "hex"))
          (to_hex have)
  | "fill" ->
      let f = frame case (text step "frame") and seed = number step "seed" in
      let _, _, len = parts f in
      write f 0 (String.init len (fill_byte seed))
  | "check" ->
      let f = frame case (text step "frame") and seed = number step "seed" in
      let _, _, len = parts f in
      equals_int "length" (number_or step "len" len) len;
      Alcotest.(check string) "bytes"
        (to_hex (String.init len (fill_byte seed)))
        (to_hex (read f 0 len))
  | "tx" ->
      let device = the_device () and queue = queue step in
      let names = texts step "frames" in
      let sent =
        match gather case names with
        | `Batch batch -> got (Device.tx_batch device ~queue batch)
        | `Raw (raw, n) -> count (Raw.tx_batch device ~queue raw n)
      in
      equals_int "sent" (number_or step "sent" sent) sent
  | "free" ->
      let freed =
        match gather case (texts step "frames") with
        | `Batch batch when Batch.pool batch == pool case (text step "pool") ->
            got (Batch.free batch)
        | `Batch batch ->
            let n = Batch.length batch in
            let raw = Raw.frames n in
            for i = 0 to n - 1 do
              Raw.set raw i ~handle:(Batch.handle batch i)
                ~offset:(Batch.offset batch i) ~len:(Batch.len batch i)
            done;
            count (Raw.free (pool case (text step "pool")) raw n)
        | `Raw (raw, n) ->
            count (Raw.free (pool case (text step "pool")) raw n)
      in
      equals_int "freed" (number_or step "freed" freed) freed
  | "rx" ->
      let device = the_device () in
      let names =
        match Json.member "into" step with
        | `Null -> []
        | _ -> texts step "into"
      in
      let want = List.length names in
      let batch =
        Batch.create (pool_for case device) (max 1 (number_or step "max" want))
      in
      rx_until device ~queue:(queue step) batch want 1000;
      equals_int "received" want (Batch.length batch);
      spread case batch names
  | "rx_none" ->
      let device = the_device () in
      let queue = queue step in
      equals_int "received" 0
        (match number_or step "max" 1 with
        | n when n < 1 || n > batch_max ->
            (* no batch is that small or large *)
            count (Raw.rx_batch device ~queue (Raw.frames (max n 0)) n)
        | n ->
            let batch = Batch.create (pool_for case device) n in
            got (Device.rx_batch device ~queue batch))
  | "rx_until_error" ->
      let device = the_device () in
      let queue = queue step in
      let batch = Batch.create (pool_for case device) 64 in
      for _ = 1 to number step "polls" do
        let came = got (Device.rx_batch device ~queue batch) in
        equals_int "freed" came (if came = 0 then 0 else got (Batch.free batch))
      done
  | "forge" ->
      let from = frame case (text step "from") in
      let _, offset, len = parts from in
      (* A handle of more than 63 bits keeps its low ones: still forged. *)
      let handle = Int64.to_int (Int64.of_string (text step "handle")) in
      set case (text step "frame")
        (Frame (forge (pool_of from) handle offset len))
  | "frame_set" ->
      let from = frame case (text step "from") in
      let handle, offset, len = parts from in
      set case (text step "frame")
        (Frame
           (forge (pool_of from) handle
              (offset + number_or step "offset_add" 0)
              (number_or step "len" len)))
  | op -> failf "unknown operation %s" op

(* ---- cases ---- *)

let run_step case index step =
  let wanted =
    match Json.member "error" step with
    | `Null -> None
    | name -> Some (Json.to_string name)
  in
  let where =
    Printf.sprintf "step %d, %s" (index + 1) (Yojson.Safe.to_string step)
  in
  let failed =
    match perform case step with
    | () -> None
    | exception Failed e -> Some e
    | exception Error e -> Some e
  in
  match (wanted, failed) with
  | None, None -> ()
  | Some name, Some e when name = e.name ->
      if e.text = "" then failf "%s: %s has no text" where name
  | Some name, Some e ->
      failf "%s: %s instead of %s" where (error_to_string e) name
  | Some name, None -> failf "%s: no error instead of %s" where name
  | None, Some e -> failf "%s: %s" where (error_to_string e)

let close_all case =
  let each f = Hashtbl.iter (fun _ value -> f value) case.values in
  each (function
    | Device d -> ignore (Device.close d : (unit, error) result)
    | _ -> ());
  each (function
    | Pool p -> ignore (Pool.close p : (unit, error) result)
    | _ -> ());
  device_pools := []

let run_case steps () =
  let folder =
    lazy
      (let name = Filename.temp_file "ixy" ".case" in
       Sys.remove name;
       Unix.mkdir name 0o700;
       name)
  in
  let case = { values = Hashtbl.create 16; last_pool = None; folder } in
  Fun.protect
    ~finally:(fun () ->
      close_all case;
      if Lazy.is_val folder then (
        let folder = Lazy.force folder in
        Array.iter
          (fun file -> Sys.remove (Filename.concat folder file))
          (Sys.readdir folder);
        Unix.rmdir folder))
    (fun () ->
      List.iteri (run_step case) (Json.to_list steps))

(* A case as tests: one for each of its devices, if it names some. *)
let tests_of case =
  let steps = Json.member "steps" case in
  match Json.member "devices" case with
  | `Null -> [ Alcotest.test_case (text case "name") `Quick (run_case steps) ]
  | devices ->
      List.map
        (fun device ->
          let device = Json.to_string device in
          let steps =
            Yojson.Safe.from_string
              (replace ~mark:"{device}"
                 ~by:(fun () -> device)
                 (Yojson.Safe.to_string steps))
          in
          Alcotest.test_case
            (Printf.sprintf "%s, %s" (text case "name") device)
            `Quick (run_case steps))
        (Json.to_list devices)

let folder () =
  let is_folder path = Sys.file_exists path && Sys.is_directory path in
  let root = Option.value (Sys.getenv_opt "DUNE_SOURCEROOT") ~default:"." in
  match Sys.getenv_opt "IXY_VECTORS" with
  | Some path when path <> "" -> path
  | _ -> (
      let places =
        [
          Filename.concat root "../../tests/vectors";
          Filename.concat root "test/vectors";
          "vectors";
        ]
      in
      match List.find_opt is_folder places with
      | Some path -> path
      | None ->
          prerr_endline
            ("no vectors in " ^ String.concat ", " places
           ^ "; name their folder in IXY_VECTORS");
          exit 1)

let () =
  let folder = folder () in
  let files =
    List.sort compare
      (List.filter
         (fun file -> Filename.check_suffix file ".json")
         (Array.to_list (Sys.readdir folder)))
  in
  if files = [] then (
    prerr_endline ("no vectors in " ^ folder);
    exit 1);
  let suite file =
    let json = Yojson.Safe.from_file (Filename.concat folder file) in
    ( Filename.chop_suffix file ".json",
      List.concat_map tests_of (Json.to_list (Json.member "cases" json)) )
  in
  Alcotest.run "shared vectors" (List.map suite files)
