(* The flags stand in the order of C's IXY_META_* bits. *)
type flag =
  | Timestamp
  | Vlan
  | Rx_ip_good
  | Rx_ip_bad
  | Rx_l4_good
  | Rx_l4_bad
  | Tx_ip_checksum
  | Tx_tcp_checksum
  | Tx_udp_checksum

type t = {
  flags : flag list;
  timestamp : int;
  vlan_tci : int;
  l2_len : int;
  l3_len : int;
}

let none =
  { flags = []; timestamp = 0; vlan_tci = 0; l2_len = 0; l3_len = 0 }
