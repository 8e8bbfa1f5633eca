(* Metadata, packets over several frames, statistics of queues, finding devices:
   OCaml's own forms of them; what devices do with them is in the shared
   vectors. *)

open Ixy
open Support

let vlan = { Metadata.none with flags = [ Vlan ]; vlan_tci = 0xa064 }

let test_metadata () =
  with_pool ~buffers:2 (fun pool ->
      let b = Batch.create pool 2 in
      int "2 buffers" 2 (Batch.alloc_exn b 2);
      bool "a fresh frame has none" true (Batch.metadata b 0 = Metadata.none);
      let all =
        {
          Metadata.flags =
            [
              Timestamp; Vlan; Rx_ip_good; Rx_ip_bad; Rx_l4_good; Rx_l4_bad;
              Tx_ip_checksum; Tx_tcp_checksum; Tx_udp_checksum;
            ];
          timestamp = max_int;
          vlan_tci = 0xffff;
          l2_len = 255;
          l3_len = 255;
        }
      in
      List.iter
        (fun m ->
          Batch.set_metadata b 0 m;
          bool "as it was set" true (Batch.metadata b 0 = m);
          bool "its neighbour has none" true
            (Batch.metadata b 1 = Metadata.none))
        [ all; vlan; { vlan with flags = [] } ];
      Batch.set_metadata b 0 { vlan with flags = [ Rx_l4_bad; Vlan; Vlan ] };
      bool "flags are a set" true
        ((Batch.metadata b 0).flags = [ Vlan; Rx_l4_bad ]);
      let kept = copy b in
      bool "a copy has it" true ((Batch.metadata kept 0).vlan_tci = 0xa064);
      List.iter
        (fun (what, m) ->
          raises "IXY_E_ARGUMENT" what (fun () -> Batch.set_metadata b 0 m))
        [
          ("timestamp", { vlan with timestamp = -1 });
          ("vlan_tci", { vlan with vlan_tci = 0x10000 });
          ("vlan_tci below 0", { vlan with vlan_tci = -1 });
          ("l2_len", { vlan with l2_len = 256 });
          ("l3_len", { vlan with l3_len = min_int });
        ];
      List.iter
        (fun i ->
          raises "IXY_E_RANGE" "get" (fun () -> Batch.metadata b i);
          raises "IXY_E_RANGE" "set" (fun () -> Batch.set_metadata b i vlan);
          raises "IXY_E_RANGE" "more" (fun () -> Batch.more b i);
          raises "IXY_E_RANGE" "set_more" (fun () -> Batch.set_more b i true))
        [ -1; 2; max_int; min_int ];
      free b;
      raises "IXY_E_HANDLE" "get" (fun () -> Batch.metadata kept 0);
      raises "IXY_E_HANDLE" "set" (fun () -> Batch.set_metadata kept 0 vlan);
      (* the same buffers for other packets *)
      int "2 buffers" 2 (Batch.alloc_exn b 2);
      bool "nothing of the last packet" true
        (Batch.metadata b 0 = Metadata.none
        && Batch.metadata b 1 = Metadata.none);
      free b)

let test_more () =
  with_pool ~buffers:2 (fun pool ->
      let b = one pool 60 in
      List.iter
        (fun more ->
          Batch.set_more b 0 more;
          bool "more" more (Batch.more b 0);
          Batch.set_len b 0 100;
          Batch.advance b 0 40;
          bool "more, with other ends" more (Batch.more b 0);
          int "length" 60 (Batch.len b 0);
          Batch.set_metadata b 0 vlan;
          bool "more, with metadata" more (Batch.more b 0);
          Batch.advance b 0 (-40))
        [ true; true; false; false ];
      bool "metadata stays" true (Batch.metadata b 0 = vlan);
      free b)

let test_queue_stats () =
  List.iter
    (fun address ->
      with_pool ~buffers:4096 (fun pool ->
          let device =
            get_ok (Device.open_ ~pool ~rx_queues:2 ~tx_queues:2 address)
          in
          get_ok (Device.start device);
          let i = get_ok (Device.info device) in
          bool "can" true (List.mem Device.Queue_stats i.capabilities);
          let b = one pool 60 in
          int "sent" 1 (Device.tx_batch_exn device ~queue:1 b);
          int "received" 1 (Device.rx_batch_exn device ~queue:0 b);
          free b;
          let first = get_ok (Device.queue_stats device ~queue:0) in
          let second = get_ok (Device.queue_stats device ~queue:1) in
          int "rx_packets" 1 first.rx_packets;
          int "rx_bytes" 64 first.rx_bytes;
          int "tx_packets of the other" 0 first.tx_packets;
          int "tx_packets" 1 second.tx_packets;
          int "tx_bytes" 64 second.tx_bytes;
          List.iter
            (fun queue ->
              fails "IXY_E_RANGE" "queue" (fun () ->
                  Device.queue_stats device ~queue))
            [ 2; -1; max_int; 1 lsl 32 ];
          get_ok (Device.close device)))
    [ "emu:82599,timing=inline"; "emu:virtio,queues=2,timing=inline" ]

let test_refused () =
  with_pool (fun pool ->
      let opened ?offloads ?frame_len_max pool () =
        Device.open_ ~pool ?offloads ?frame_len_max "emu:82599,timing=inline"
      in
      fails "IXY_E_ARGUMENT" "a capability that is no offload"
        (opened ~offloads:[ Jumbo ] pool);
      fails "IXY_E_UNSUPPORTED" "a device without it"
        (opened ~offloads:[ Rx_timestamp ] pool);
      List.iter
        (fun frame_len_max ->
          fails "IXY_E_RANGE" "frame_len_max" (opened ~frame_len_max pool))
        [ 1000; -1; 20000; max_int ])

(* It does not know this machine: what is found is whole. *)
let test_find () =
  let devices = get_ok (Device.find ()) in
  let addresses = List.map (fun (d : Device.found) -> d.address) devices in
  Alcotest.(check (list string))
    "in their order, each once"
    (List.sort_uniq compare addresses)
    addresses;
  List.iter
    (fun (d : Device.found) ->
      bool "a PCI address" true (contains d.address "pci:");
      bool "a name and ids" true
        (d.name <> "" && d.vendor > 0 && d.device_id > 0);
      bool "usable is that nothing is missing" true
        (d.usable = (d.missing = "")))
    devices

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "offloads"
    [
      ( "frames",
        [ case "metadata" test_metadata; case "several frames" test_more ] );
      ( "devices",
        [
          case "statistics of queues" test_queue_stats;
          case "refused" test_refused;
          case "finding devices" test_find;
        ] );
    ]
