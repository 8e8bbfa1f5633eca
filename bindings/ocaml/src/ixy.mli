(** Receive and send network packets from user space.

    A {!Pool} is packet memory cut into buffers. A {!Device} is a network card
    with its receive and transmit queues; it takes its buffers from one pool. A
    {!Batch} holds frames: packets whose buffers the program owns.

    {2 Ownership}

    A buffer has one owner at each moment: the program, the device or the pool.
    {!Device.rx_batch} and {!Batch.alloc} make the program the owner and put
    frames into a batch; {!Device.tx_batch} and {!Batch.free} give the buffers
    away and take the frames out again. Every accessor of {!Batch} checks that
    the buffer is still the program's and that the bytes lie in the packet, so a
    copy of a frame (see {!Batch.add}) that was sent or freed elsewhere raises
    {!Error} with code {!Handle}, never reads another's packet. Only
    {!Pool.unsafe_bigarray} is not checked.

    {2 Errors}

    Control calls and batch calls return a [result]. The batch calls that end in
    [_exn] raise {!Error} instead; they allocate nothing when they succeed.
    Accessors raise {!Error}: code {!Range} when a position is outside the
    packet or the batch, {!Handle} when the buffer is no longer the program's.

    {2 Lifetimes}

    Pools and devices that are forgotten are closed when they are collected, in
    the right order. Close them yourself where it matters when that happens.
    Using one after its close is an error, never a crash; batches and Bigarrays
    that outlive their pool read zeroes or raise.

    A signal handler or finaliser that raises in the middle of a call loses
    nothing: what {!Pool.open_} or {!Device.open_} had opened is closed, a batch
    holds the frames that are the program's, and no queue stays taken. The views
    that pools give are released when the collector finds that nothing uses
    them; where a limit of the library is reached, [open_] runs the collector
    and tries again.

    Pools, devices and batches are no values to copy: [Marshal], [compare] and
    [=] raise [Invalid_argument] for them. Tell them apart with [==].

    {2 What devices can do}

    A device, or the other side of a vhost-user device, that does not keep to
    the rules can go on writing into a buffer which it has given back, at any
    time. Then the bytes of a packet change while the program looks at them:
    read what is checked and used into a value once ({!Batch.to_string},
    {!Batch.sub_string} and every [get_*] make copies). It can do no more to an
    OCaml program. Where a packet lies and how long it is stands in the batch,
    which no device reaches, and every access is checked against that; bytes
    have no type that a wrong value could break.

    {2 Threads}

    Control calls may be made by any thread or domain. A queue serves one of
    them at a time: a second gets {!Busy}. A batch belongs to one thread or
    domain at a time. After [Unix.fork] the parent's handles answer {!Fork} in
    the child. *)

(** {1 Errors} *)

(** What went wrong; each is an [IXY_E_*] code of the C library. *)
type code =
  | Handle  (** a handle is stale, foreign, forged or closed *)
  | Argument  (** a value is outside its documented set *)
  | Range  (** a queue, count or position is out of range *)
  | Frame  (** a frame lies outside its buffer, or cannot be sent *)
  | Busy  (** another thread is in this queue, or the object is in use *)
  | State  (** not possible in this state: transmit before start *)
  | No_memory  (** the operating system gave no memory *)
  | No_buffers  (** the pool has no free buffer at the moment *)
  | Pool_size
      (** the pool has too few buffers for the rings of its devices, or too
          small ones *)
  | Timeout  (** the device did not answer in time *)
  | Address  (** malformed device address, unknown scheme, device or option *)
  | Not_found  (** no such device, file or interface *)
  | Permission  (** the operating system refused access *)
  | Unsupported  (** this device, driver or build cannot do that *)
  | Struct  (** the binding and the library disagree about a structure *)
  | Fork  (** the handle was inherited over [fork] *)
  | Device  (** the device is gone or answers what it must not *)
  | Io  (** a system call failed; the text names it *)
  | Limit  (** too many open devices, pools or views *)
  | Unknown of int  (** a code that a newer library gave *)

type error = {
  code : code;
  name : string;  (** the code's name in C, ["IXY_E_HANDLE"] *)
  text : string;  (** what was wrong, with values, and what would be right *)
}

exception Error of error

val get_ok : ('a, error) result -> 'a
(** [get_ok (Ok x)] is [x].

    @raise Error for an [Error]. *)

val pp_error : Format.formatter -> error -> unit
(** Prints name and text: ["IXY_E_ADDRESS: ..."]. *)

val error_to_string : error -> string

(** {1 The C library} *)

val version : unit -> string
(** The C library's version, ["0.3.0"]. *)

val abi_version : unit -> int
(** The C library's ABI version. It is compared when this module is initialised;
    another than the binding's raises [Failure]. *)

val batch_max : int
(** Most frames that a batch holds, 4096. *)

(** {1 Packet memory} *)

module Pool : sig
  type t
  (** Packet memory, cut into buffers of one size. *)

  val open_ : ?buffers:int -> ?buffer_size:int -> unit -> (t, error) result
  (** [open_ ()] makes a pool.

      @param buffers
        how many buffers, 1 to 262144; default (and 0) 8192. Each receive and
        transmit queue holds as many as its ring has descriptors, and some more.
      @param buffer_size
        packet bytes that a buffer holds at least, a multiple of 1024 up to
        15360; default (and 0) 2048. 1024 serves only devices that receive a
        frame in several buffers, which [frame_len_max] asks for.

      Errors: [Argument], [No_memory], [Io], [Limit] (64 pools are open, or 1024
      closed ones are still used). *)

  val close : t -> (unit, error) result
  (** Ends the pool: the buffers of all its frames are the program's no more,
      and its memory reads as zeroes. Errors: [Handle] when it is closed
      already, [Busy] while a device is open on it. *)

  val free_count : t -> (int, error) result
  (** Buffers that are free in the pool now; those in rings, in the queues'
      caches and in the program's hands are not counted. Error: [Handle]. *)

  val buffer_count : t -> int
  (** Buffers of the pool, free or not. *)

  val buffer_size : t -> int
  (** Packet bytes that a fresh buffer holds. *)

  val headroom : t -> int
  (** Bytes before a fresh packet in its buffer, for {!Batch.advance} with a
      negative count. *)

  val unsafe_bigarray :
    t -> (char, Bigarray.int8_unsigned_elt, Bigarray.c_layout) Bigarray.Array1.t
  (** The pool's whole memory, without copying and {e without ownership checks}:
      the packet of frame [i] is the [Batch.len b i] bytes at
      [Batch.offset b i]. A part of it (as of [Bigarray.Array1.sub]) that is
      kept goes on showing the buffer when the device or another packet has it.
      It stays mapped as long as it or a part of it is reachable; after the
      pool's close it reads zeroes. *)
end

(** {1 Packets} *)

(** What is known of a packet beside its bytes: what a device found when it
    received it, or shall do when it sends it. Devices do that for the offloads
    that {!Device.open_} asked for. *)
module Metadata : sig
  type flag =
    | Timestamp  (** received: [timestamp] is set *)
    | Vlan
        (** the packet has the tag [vlan_tci], which is not among its bytes:
            received with [Vlan_strip], to be put in when it is sent with
            [Vlan_insert] *)
    | Rx_ip_good  (** received: the IPv4 header's checksum is right *)
    | Rx_ip_bad  (** received: it is wrong *)
    | Rx_l4_good  (** received: the TCP or UDP checksum is right *)
    | Rx_l4_bad  (** received: it is wrong *)
    | Tx_ip_checksum  (** to send: fill in the IPv4 header's checksum *)
    | Tx_tcp_checksum  (** to send: fill in the TCP checksum *)
    | Tx_udp_checksum  (** to send: fill in the UDP checksum *)

  type t = {
    flags : flag list;
    timestamp : int;
        (** received: nanoseconds of the device's clock, which begins at the
            device's start *)
    vlan_tci : int;  (** tag control information: priority, DEI, VLAN id *)
    l2_len : int;
        (** to send with a checksum: bytes before the IP header, 14, or 18 with
            a tag among the bytes *)
    l3_len : int;  (** to send with a checksum: bytes of the IP header *)
  }

  val none : t
  (** No flags, all zeroes. [{ none with flags = [ Vlan ]; vlan_tci = 100 }] *)
end

module Batch : sig
  type t
  (** A list of frames of one pool, numbered from 0, with a fixed capacity. A
      frame is plain data that names a buffer and a packet's place in it.

      A batch that is collected does not free the buffers of its frames: they
      come back when their pool is closed. Send or {!free} them. *)

  val create : Pool.t -> int -> t
  (** [create pool capacity] is an empty batch for frames of [pool].

      @raise Error code [Range] unless [1 <= capacity <= batch_max]. *)

  val pool : t -> Pool.t
  val capacity : t -> int

  val length : t -> int
  (** Frames in the batch. *)

  val alloc : t -> int -> (int, error) result
  (** [alloc batch n] takes [n] buffers from the pool and adds a frame for each,
      of length 0, with the pool's headroom before it. Returns how many there
      were. Errors: [No_buffers] if none was free, [Range] if the batch has no
      room for [n], [Handle], [Fork]. *)

  val alloc_exn : t -> int -> int
  (** As {!alloc}, allocation-free.

      @raise Error where {!alloc} returns one. *)

  val free : t -> (int, error) result
  (** Gives the buffers of all frames back to the pool and takes the frames out.
      Returns how many. A frame whose buffer is not the program's stops it
      there; it and the frames behind it stay in the batch. Errors: [Handle],
      [Fork]. *)

  val free_exn : t -> int
  (** As {!free}, allocation-free.

      @raise Error where {!free} returns one. *)

  val add : t -> from:t -> int -> unit
  (** [add batch ~from i] puts a copy of frame [i] of [from] at the end of
      [batch]. Frames are plain data: no buffer moves, and once it is sent or
      freed through one batch the other's frame is stale. To sort a batch into
      others, add each frame to one of them, then {!clear} it.

      @raise Error
        [Range] when there is no such frame or no room, [Argument] when the
        batches belong to different pools. *)

  val clear : t -> unit
  (** Takes all frames out without freeing their buffers. *)

  val len : t -> int -> int
  (** [len batch i] is the length in bytes of frame [i]'s packet, without the
      Ethernet checksum.

      @raise Error [Range] when the batch has no frame [i]. *)

  val set_len : t -> int -> int -> unit
  (** [set_len batch i n] makes frame [i]'s packet [n] bytes long.

      @raise Error
        [Frame] when it would leave its buffer, [Handle], [Range] as the
        accessors. *)

  val advance : t -> int -> int -> unit
  (** [advance batch i n] moves the packet's start by [n] bytes, its end stays:
      a positive [n] takes a header off, a negative one makes room for one.

      @raise Error
        [Frame] when it would leave its buffer, [Range] when the packet is
        shorter than [n], [Handle], [Range] as the accessors. *)

  val is_owned : t -> int -> bool
  (** Whether the buffer of frame [i] is (still) the program's.

      @raise Error [Range] when the batch has no frame [i]. *)

  val offset : t -> int -> int
  (** Where frame [i]'s packet starts in {!Pool.unsafe_bigarray}.

      @raise Error [Range] when the batch has no frame [i]. *)

  val handle : t -> int -> int
  (** The handle of frame [i]'s buffer, for messages and {!Raw}.

      @raise Error [Range] when the batch has no frame [i]. *)

  (** {2 Packets over several frames, metadata}

      A packet longer than a buffer is several frames of a batch, one after the
      other. *)

  val more : t -> int -> bool
  (** Whether frame [i]'s packet goes on in the next frame.

      @raise Error [Range] when the batch has no frame [i]. *)

  val set_more : t -> int -> bool -> unit
  (** Says whether it goes on there.

      @raise Error [Range] when the batch has no frame [i]. *)

  val metadata : t -> int -> Metadata.t
  (** What is known of frame [i]'s packet, {!Metadata.none} if nothing. Of a
      packet over several frames the first one has it.

      @raise Error
        [Range] when the batch has no frame [i], [Handle] when its buffer is not
        the program's. *)

  val set_metadata : t -> int -> Metadata.t -> unit
  (** Sets it. What the device cannot do is found when the frame is sent. A
      packet that was received and is sent on keeps what it has: its VLAN tag
      goes with it, what concerns receiving is ignored.

      @raise Error
        as {!metadata}; [Argument] for a number that is less than 0 or more than
        its 16 ([vlan_tci]) or 8 bits ([l2_len], [l3_len]) hold. *)

  (** {2 Bytes of a packet}

      [get_* batch i pos] reads at byte [pos] of frame [i]'s packet,
      [set_* batch i pos x] writes the low bits of [x] there; [_be] is
      big-endian, as in network headers, [_le] little-endian. None allocates
      (the [int64] ones when they are inlined). All of them

      @raise Error
        [Range] when the batch has no frame [i] or the bytes are not all in its
        packet, [Handle] when its buffer is not the program's. *)

  val get_uint8 : t -> int -> int -> int
  val set_uint8 : t -> int -> int -> int -> unit

  val add_uint8 : t -> int -> int -> int -> unit
  (** [add_uint8 batch i pos n] adds [n] to the byte, modulo 256: a {!get_uint8}
      and a {!set_uint8} with one check. For hop limits and counters. *)

  val get_uint16_be : t -> int -> int -> int
  val get_uint16_le : t -> int -> int -> int
  val set_uint16_be : t -> int -> int -> int -> unit
  val set_uint16_le : t -> int -> int -> int -> unit
  val get_uint32_be : t -> int -> int -> int
  val get_uint32_le : t -> int -> int -> int
  val set_uint32_be : t -> int -> int -> int -> unit
  val set_uint32_le : t -> int -> int -> int -> unit
  val get_int64_be : t -> int -> int -> int64
  val get_int64_le : t -> int -> int -> int64
  val set_int64_be : t -> int -> int -> int64 -> unit
  val set_int64_le : t -> int -> int -> int64 -> unit

  val blit_to_bytes : t -> int -> int -> Bytes.t -> int -> int -> unit
  (** [blit_to_bytes batch i pos bytes off n] copies [n] bytes of the packet,
      from [pos] on, to [bytes] at [off]. *)

  val blit_of_bytes : Bytes.t -> int -> t -> int -> int -> int -> unit
  (** [blit_of_bytes bytes off batch i pos n] copies [n] bytes of [bytes], from
      [off] on, to the packet at [pos]. *)

  val blit_of_string : string -> int -> t -> int -> int -> int -> unit
  (** As {!blit_of_bytes}. *)

  val sub_string : t -> int -> int -> int -> string
  (** [sub_string batch i pos n] is a copy of [n] bytes of the packet from [pos]
      on. *)

  val to_string : t -> int -> string
  (** A copy of the whole packet. *)
end

(** {1 Devices} *)

module Device : sig
  type t
  (** A network card. *)

  (** What a device may be able to do. Those up to [Rx_timestamp] are offloads:
      {!open_} asks for them. The rest needs no asking. *)
  type capability =
    | Rx_checksum
        (** verifies IPv4, TCP and UDP checksums of received packets *)
    | Tx_checksum  (** fills in IPv4, TCP and UDP checksums of sent packets *)
    | Vlan_strip
        (** takes the VLAN tag out of received packets, into the metadata *)
    | Vlan_insert  (** puts the metadata's VLAN tag into sent packets *)
    | Rx_timestamp  (** stamps received packets with the device's clock *)
    | Jumbo  (** packets longer than 1514 bytes: [frame_len_max] of {!open_} *)
    | Queue_stats  (** {!queue_stats} *)
    | Rx_wait  (** {!rx_wait}, {!rx_wake}, {!rx_arm}, {!rx_descr} *)

  type found = {
    address : string;  (** for {!open_}: ["pci:0000:03:00.0"] *)
    name : string;  (** ["Intel 82599"] *)
    kernel_driver : string;  (** that it is bound to, [""] if none *)
    missing : string;
        (** [""] or what has to be done first, and by which command *)
    vendor : int;  (** PCI vendor id *)
    device_id : int;  (** PCI device id *)
    usable : bool;  (** nothing is missing: this process could open it *)
  }
  (** A network device of this machine that libixy has a driver for. *)

  type info = {
    driver : string;  (** ["ixgbe"], ["virtio"] *)
    name : string;  (** ["Intel 82599"] *)
    address : string;  (** as given to {!open_} *)
    vendor : int;  (** PCI vendor id *)
    device_id : int;  (** PCI device id *)
    rx_queues : int;
    tx_queues : int;
    rx_ring_size : int;  (** descriptors a receive queue *)
    tx_ring_size : int;  (** descriptors a transmit queue *)
    tx_len_min : int;  (** shortest packet that can be sent, bytes *)
    tx_len_max : int;  (** longest, bytes *)
    emulated : bool;
    capabilities : capability list;  (** what device and driver can do *)
    offloads : capability list;  (** those that {!open_} asked for *)
    rx_len_max : int;  (** longest packet that is received, bytes *)
    rx_frames_max : int;  (** most frames that one received packet takes *)
  }

  type link = {
    up : bool;
    speed_mbps : int;
        (** megabits a second, 0 while down or where the device does not tell *)
  }

  type queue_stats = {
    rx_packets : int;
    rx_bytes : int;
    tx_packets : int;
    tx_bytes : int;
    rx_missed : int;
    rx_dropped : int;
    rx_starved : int;
  }
  (** What one receive queue and the transmit queue of the same number did since
      the device was opened or reset; the members mean what they mean in
      {!stats}. Those of a queue that is not there are 0. *)

  type stats = {
    rx_packets : int;  (** received well, with those dropped afterwards *)
    rx_bytes : int;  (** their bytes, with the 4 of each checksum *)
    tx_packets : int;  (** sent *)
    tx_bytes : int;  (** their bytes, padding and checksum included *)
    rx_missed : int;  (** dropped by the device: no descriptor or room *)
    rx_errors : int;  (** dropped by the device: link errors *)
    rx_dropped : int;  (** dropped by the driver: impossible completions *)
    rx_starved : int;  (** receive calls that found the pool empty *)
  }
  (** Totals since the device was opened or reset. *)

  val find : unit -> (found list, error) result
  (** The network devices on this machine's PCI bus, in the order of their
      addresses. None is opened. Error: [Io]. *)

  val open_ :
    ?pool:Pool.t ->
    ?rx_queues:int ->
    ?tx_queues:int ->
    ?rx_ring_size:int ->
    ?tx_ring_size:int ->
    ?offloads:capability list ->
    ?frame_len_max:int ->
    string ->
    (t, error) result
  (** [open_ ~pool address] finds, resets and identifies a device; no packet
      moves before {!start}. ["emu:82599"] is an emulated one that needs no NIC
      and no rights.

      @param pool
        where its buffers come from; without one it can be queried, not started.
      @param rx_queues receive queues, 1 to 16; default (and 0) 1
      @param tx_queues
        transmit queues, 1 to 16; default (and 0) 1; on a VirtIO device as many
        as [rx_queues]
      @param rx_ring_size
        descriptors a receive queue, a power of two, 64 to 4096; default (and 0)
        512
      @param tx_ring_size the same for a transmit queue
      @param offloads what the device shall do; default nothing
      @param frame_len_max
        longest packet, bytes without checksum; default (and 0) 1514; more wants
        [Jumbo]

      Errors: [Address], [Not_found], [Permission], [Busy], [Io], [Timeout],
      [Device], [Unsupported], [Argument], [Range], [Handle] (the pool), [State]
      (a vhost-user device on a pool whose buffers are in use), [Pool_size],
      [No_memory], [Limit]. *)

  val start : t -> (unit, error) result
  (** Fills the rings and starts all queues. Errors: [Handle], [State] (started
      before, or opened without a pool), [Timeout], [Device], [No_buffers]. *)

  val reset : t -> (unit, error) result
  (** Resets the device and starts it again if it was started. Buffers of its
      rings go back to the pool, statistics begin at zero; MAC address and
      promiscuous mode stay. Errors as {!open_} and {!start}. *)

  val close : t -> (unit, error) result
  (** Stops the device; the buffers of its rings go back to the pool. Frames of
      the program stay the program's. Error: [Handle] when it is closed already.
  *)

  val info : t -> (info, error) result

  val link : t -> (link, error) result
  (** Of a device that failed, [Device] with the reason; {!reset} starts it
      again. *)

  val stats : t -> (stats, error) result

  val queue_stats : t -> queue:int -> (queue_stats, error) result
  (** Errors: [Range] when there is neither a receive nor a transmit queue of
      that number, [Unsupported] without [Queue_stats]. *)

  val features : t -> (string list, error) result
  (** What driver and device agreed upon, by the VirtIO specification's names:
      ["VERSION_1"], ["RING_PACKED"]. Empty for a device that negotiates
      nothing, as Intel's. *)

  val mac : t -> (string, error) result
  (** The station address, ["02:00:00:00:00:09"]. *)

  val set_mac : t -> string -> (unit, error) result
  (** Sets it. Errors: [Handle]; [Argument] for a text that is no such address,
      a multicast or an all-zero one. *)

  val set_promiscuous : t -> bool -> (unit, error) result
  (** [true] (the state after {!open_}) receives every packet, [false] only
      broadcast and those to the station address. *)

  val rx_batch : t -> queue:int -> Batch.t -> (int, error) result
  (** [rx_batch device ~queue batch] receives into the room that is left in
      [batch], behind the frames that it holds, and returns how many frames
      came; 0 when none was there or the batch is full. Never blocks. Errors:
      [Handle], [Fork], [Range] (queue), [Busy], [State] (not started), [Device]
      (it failed: {!link} says why, {!reset} starts it again), [Argument] (the
      batch belongs to another pool than the device). [Range] also for a batch
      with less room than one packet may take, [rx_frames_max] of {!info}. *)

  val rx_batch_exn : t -> queue:int -> Batch.t -> int
  (** As {!rx_batch}, allocation-free.

      @raise Error where {!rx_batch} returns one. *)

  val tx_batch : t -> queue:int -> Batch.t -> (int, error) result
  (** [tx_batch device ~queue batch] hands the batch's frames to the device,
      takes those that it took out of the batch and returns their number; 0 when
      the ring is full. The rest stay in the batch: send them later or
      {!Batch.free} them. Never blocks. Errors as {!rx_batch}, and of the first
      frame: [Handle], [Frame], [Unsupported] (its metadata wants what {!open_}
      did not ask for). *)

  val tx_batch_exn : t -> queue:int -> Batch.t -> int
  (** As {!tx_batch}, allocation-free.

      @raise Error where {!tx_batch} returns one. *)

  (** {2 Waiting for packets}

      A program that has nothing else to do waits with {!rx_wait}. One that also
      waits for other things, or has an event loop, sleeps on the queue's
      descriptor: receive until nothing is left, {!rx_arm}, and only if that is
      [false] sleep in [Unix.select] or the loop until the descriptor is
      readable; then receive again. The device interrupts only between an
      {!rx_arm} and the packet that follows, so a program that finds packets all
      the time is never interrupted.

      All are [Unsupported] for a device without the capability [Rx_wait]. One
      thread a queue at a time, as {!rx_batch}. *)

  val rx_wait : ?timeout:float -> t -> queue:int -> (bool, error) result
  (** Sleeps until there is something to receive, which is [true]. [false] when
      [timeout] seconds are over (0. only looks; without it the wait has no end),
      {!rx_wake} or a signal came: its OCaml handler has then run, so that a loop
      can look at what it did; what the handler raises comes out of [rx_wait].
      As with [Unix.select], a signal just before the sleep does not end it.

      Other threads run meanwhile, and may call anything on the device. Errors:
      [Handle] (also when another thread closes it meanwhile), [Fork], [Range]
      (queue), [Busy], [State] (not started), [Device], [Argument] (a timeout
      that is negative or no number). *)

  val rx_descr : t -> queue:int -> (Unix.file_descr, error) result
  (** A descriptor of the queue's event, to be watched for reading. It is a
      duplicate, close-on-exec, and the caller's: [Unix.close] it, after the
      event loop has forgotten it and best before {!close}. Closing it too early
      harms nobody else. It goes on working after {!reset}; {!close} makes it
      readable for good. Nobody reads or writes it. Errors: [Handle], [Range]
      (queue), [Io] (no descriptor is free). *)

  val rx_wake : t -> queue:int -> (unit, error) result
  (** Ends the {!rx_wait} of the thread that is in it for this queue, which
      returns [false]; or else the next one that would sleep, so that a wake just
      before a wait is not lost. Any thread. Errors: [Handle], [Fork], [Range]
      (queue). *)

  val rx_arm : t -> queue:int -> (bool, error) result
  (** Makes the descriptor unreadable, switches the queue's interrupt on and
      looks at the queue again. [true]: there is something to receive already.
      [false]: the descriptor becomes readable with the next packet, or when the
      device fails or is closed. Never sleeps. Errors: [Handle], [Fork], [Range]
      (queue), [Busy], [State] (not started), [Device]. *)
end

(** {1 Emulated devices}

    Each call's errors: [Handle]; [Unsupported] for a device that is not
    emulated. *)

module Emu : sig
  type counters = {
    violations : int;  (** things the driver did that the data sheet forbids *)
    generated : int;  (** frames that the generator sent and the device took *)
    verified : int;  (** frames that came to the sink right, each once *)
    damaged : int;  (** frames with a wrong byte *)
    repeated : int;  (** frames that came again *)
    reordered : int;  (** frames that came late; they are among the verified *)
    foreign : int;  (** frames that no generator sent *)
    wire_dropped : int;  (** frames that the wire had no room for *)
  }
  (** What an emulated device's wire did. With [wire=gen] it generates numbered,
      checked packets, and its sink verifies those that come back. *)

  type meter = {
    bracket_cycles : int;  (** cost of an empty time bracket, cycles *)
    cycles : int;  (** time-stamp counter now, fenced *)
    nanoseconds : int;  (** monotonic clock now *)
    model_cycles : int;  (** cycles spent in this device's model so far *)
    steps : int;  (** times that the model was stepped *)
    idle_steps : int;  (** steps that found nothing to do *)
  }
  (** A reading of the clock and of the model's own time; differences of two
      readings count. *)

  val counters : Device.t -> (counters, error) result
  (** Steps an inline device, then reads its counters. *)

  val meter : Device.t -> (meter, error) result

  val violations : Device.t -> (string list, error) result
  (** The texts of the first 64 violations, in their order. *)
end

(** {1 The ABI's own level}

    Frames as plain data that may name anything, and the C library's calls on
    them, which check all they are given and return a count or a negative code.
    For tests, and for code that keeps frames in its own way; programs use
    {!Batch}. *)

module Raw : sig
  type frames
  (** An array of frames. *)

  val frames : int -> frames
  (** An array of that many frames, all zero.

      @raise Invalid_argument
        unless there are 0 to 262144, which is the most buffers of a pool. *)

  val set : frames -> int -> handle:int -> offset:int -> len:int -> unit
  (** Writes a frame.

      @raise Invalid_argument
        when there is no such frame, so the next three; when [offset] is not a
        number of 32 bits or [len] not one of 16. *)

  val handle : frames -> int -> int
  val offset : frames -> int -> int
  val len : frames -> int -> int

  val alloc : Pool.t -> frames -> int -> int
  (** [alloc pool frames n] is [ixy_buf_alloc] into the first [n] frames; -3
      ([Range]) when the array has fewer. So the others. *)

  val free : Pool.t -> frames -> int -> int
  val rx_batch : Device.t -> queue:int -> frames -> int -> int
  val tx_batch : Device.t -> queue:int -> frames -> int -> int

  val read : Pool.t -> frames -> int -> pos:int -> Bytes.t -> int
  (** [read pool frames i ~pos bytes] fills [bytes] from frame [i]'s packet. *)

  val write : Pool.t -> frames -> int -> pos:int -> Bytes.t -> int
  (** [write pool frames i ~pos bytes] copies [bytes] into it. *)

  val error : int -> error
  (** What a negative code means. Other numbers are [Unknown]. *)
end
