/* The `ixy` command: reads its arguments and calls a subcommand. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "apps/ixy.h"

static const struct command {
    const char *name;
    uint32_t operands, operands_max;
    const char *usage;
    const char *help;
    int (*run)(const struct options *options);
} commands[] = {
    {"info", 1, 1, "ixy info ADDRESS",
     "Opens a device and tells what it is: driver, ids, station address, link, queues, frame sizes, and by name the\n"
     "features that driver and device agreed upon.\n",
     command_info},
    {"fwd", 2, 2, "ixy fwd ADDRESS ADDRESS",
     "Forwards packets between two devices, both ways, adding one to byte 48 of each, and prints rates each second.\n"
     "\n"
     "Example: a verified forwarding run between two generators, no network card needed:\n"
     "    ixy fwd emu:82599,wire=gen emu:82599,wire=gen --seconds 3\n",
     command_fwd},
    {"pktgen", 1, 1, "ixy pktgen ADDRESS",
     "Sends numbered UDP packets as fast as the device takes them, and prints rates each second.\n"
     "\n"
     "Example: a million packets into a file:\n"
     "    ixy pktgen emu:82599,wire=pcap,out=packets.pcap --packets 1000000\n",
     command_pktgen},
    {"pcap", 2, 2, "ixy pcap ADDRESS FILE",
     "Receives packets into a capture file (pcap, nanoseconds) that tcpdump, tshark and Wireshark read.\n"
     "\n"
     "Example: a hundred generated packets:\n"
     "    ixy pcap emu:82599,wire=gen,limit=100 generated.pcap --packets 100\n",
     command_pcap},
    {"devices", 0, 0, "ixy devices",
     "Lists the network devices of this machine that libixy has drivers for, which kernel driver has each, and what "
     "is\n"
     "missing before it can be opened. Any user; what is missing depends on who asks.\n",
     command_devices},
    {"bind", 1, OPERANDS_MAX, "ixy bind ADDRESS... [--user NAME] [--group]",
     "Hands devices over from their kernel drivers to vfio-pci, and their IOMMU groups to a user, who then needs no\n"
     "rights to use them. Only root may do this. All is checked before anything is changed, and what is done is "
     "printed:\n"
     "    1. vfio-pci into the device's driver_override\n"
     "    2. the device unbound from its driver; a network interface of its that is up is refused\n"
     "    3. drivers_probe, so that vfio-pci takes it\n"
     "    4. with --user, chown of the group's file, /dev/vfio/N; without it the file stays as it is, root's\n"
     "It needs an IOMMU (intel_iommu=on or amd_iommu=on for the kernel) and the module vfio-pci, and lasts until the\n"
     "machine restarts. If a step fails, those before it are undone.\n"
     "A group goes to its user as a whole: of one with several devices all are listed, and --group says that it is\n"
     "meant. What another user has is not taken away from him.\n"
     "\n"
     "Example: for the user who ran sudo:\n"
     "    sudo ixy bind 0000:03:00.0 --user $USER\n",
     command_bind},
    {"unbind", 1, OPERANDS_MAX, "ixy unbind ADDRESS...",
     "Takes devices back from vfio-pci and has the kernel find a driver for them. Only root may do this. It waits "
     "until\n"
     "programs that use them have closed them.\n",
     command_unbind},
};

static const char general_help[] =
    "ixy: a user-space network driver at work\n"
    "\n"
    "    ixy info ADDRESS            what a device is\n"
    "    ixy fwd ADDRESS ADDRESS     forward packets between two devices\n"
    "    ixy pktgen ADDRESS          send packets\n"
    "    ixy pcap ADDRESS FILE       receive packets into a capture file\n"
    "    ixy devices                 what this machine has, and what is missing to use it\n"
    "    ixy bind ADDRESS...         hand a device over to a user's programs; once, as root\n"
    "    ixy unbind ADDRESS...       give it back to the kernel's driver\n"
    "\n"
    "`ixy COMMAND --help` tells more. Options of all commands:\n"
    "    --batch N      packets a call, 1 to 4096 (64)\n"
    "    --packets N    stop after N packets\n"
    "    --seconds N    stop after N seconds; otherwise Ctrl-C ends the run\n"
    "    --size N       pktgen: bytes a packet without checksum, 60 to 1514 (60)\n"
    "    --json         one JSON object a line: each second, then the totals\n"
    "    --user NAME    bind: who gets the device\n"
    "    --group        bind: the user is to get all devices of the IOMMU group\n"
    "    --help, --version\n"
    "\n"
    "Addresses: emu:82599 (also emu:x540, emu:x550) and emu:virtio are emulated cards; they need no hardware and no\n"
    "rights. vhost-user:/PATH is a VirtIO card that another process serves at that socket. Options follow after "
    "commas;\n"
    "docs/addresses.md has them all. Of emulated cards:\n"
    "    timing=threaded|inline      the card runs by itself (default), or is stepped by its driver\n"
    "    wire=loop                   what is sent comes back (default)\n"
    "    wire=gen                    numbered, checked packets come in and are verified when they are sent\n"
    "        rate=N size=N limit=N burst=N flows=N stream=N touch=N\n"
    "    wire=pcap,in=FILE,out=FILE  packets from and to capture files\n"
    "    pair=NAME                   a cable to the other card of that name\n"
    "    tap=NAME                    this machine's own network, through a tap interface\n"
    "Of emu:virtio:\n"
    "    ring=split|packed  mrg=on|off  queues=N  inorder=on|off  events=on|off  legacy=on|off\n";

static int complain(const char *what, const char *right)
{
    fprintf(stderr, "ixy: %s; right is %s\n", what, right);
    return 2;
}

static bool read_number(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < low || number > high) {
        fprintf(stderr, "ixy: --%s %s; right is a number from %llu to %llu\n", name, text, (unsigned long long)low,
                (unsigned long long)high);
        return false;
    }
    *value = number;
    return true;
}

/* Reads everything after the subcommand's name. Returns -1 to go on, else the exit code. */
static int read_options(int count, char **arguments, const struct command *command, struct options *options)
{
    static const struct option known[] = {{"batch", required_argument, NULL, 'b'},
                                          {"packets", required_argument, NULL, 'p'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"size", required_argument, NULL, 'z'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"group", no_argument, NULL, 'g'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    uint64_t batch = 64, seconds = 0, size = 60;
    int found;
    opterr = 0; /* we say it in our own words */
    while ((found = getopt_long(count, arguments, ":h", known, NULL)) != -1) {
        bool good = true;
        switch (found) {
        case 'b':
            good = read_number("batch", optarg, 1, IXY_BATCH_MAX, &batch);
            break;
        case 'p':
            good = read_number("packets", optarg, 1, UINT64_MAX, &options->packets);
            break;
        case 's':
            good = read_number("seconds", optarg, 1, 86400, &seconds);
            break;
        case 'z':
            good = read_number("size", optarg, 60, 1514, &size);
            break;
        case 'j':
            options->json = true;
            break;
        case 'u':
            options->user = optarg;
            break;
        case 'g':
            options->group = true;
            break;
        case 'h':
            printf("%s [options]\n\n%s\n%s", command->usage, command->help, general_help);
            return 0;
        default:
            fprintf(stderr, "ixy: option \"%s\" %s; `ixy %s --help` lists the options\n", arguments[optind - 1],
                    found == ':' ? "wants a value" : "is not known", command->name);
            good = false;
        }
        if (!good)
            return 2;
    }
    options->batch = (uint32_t)batch;
    options->seconds = (uint32_t)seconds;
    options->size = (uint32_t)size;
    while (optind < count) {
        if (options->operand_count == command->operands_max)
            return complain("too many operands", command->usage);
        options->operands[options->operand_count++] = arguments[optind++];
    }
    if (options->operand_count < command->operands)
        return complain("too few operands", command->usage);
    return -1;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return complain("no command given", "ixy info|fwd|pktgen|pcap|devices|bind|unbind ..., or ixy --help");
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0) {
        fputs(general_help, stdout);
        return 0;
    }
    if (strcmp(arguments[1], "--version") == 0) {
        printf("ixy %s (ABI %u)\n", ixy_version(), ixy_abi_version());
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(arguments[1], commands[i].name) == 0) {
            struct options options = {0};
            int code = read_options(count - 1, arguments + 1, &commands[i], &options);
            return code >= 0 ? code : commands[i].run(&options);
        }
    }
    fprintf(stderr, "ixy: unknown command \"%s\"; right is info, fwd, pktgen, pcap, devices, bind or unbind\n",
            arguments[1]);
    return 2;
}
