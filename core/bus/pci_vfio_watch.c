/* The thread that hears the kernel ask for the function back: somebody removes the device or unbinds its driver, and
 * waits until we close it (VFIO_PCI_REQ_IRQ_INDEX). The kernel asks again and again; a reset does not make it forget.
 */
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "core/bus/event.h"
#include "core/bus/pci_vfio.h"
#include "core/device/error.h"

static void *pci_vfio_watch(void *function)
{
    struct pci_vfio *vfio = function;
    struct pollfd entries[] = {{.fd = vfio->watch_request, .events = POLLIN},
                               {.fd = vfio->watch_stop, .events = POLLIN}};
    for (;;) {
        if (poll(entries, 2, -1) < 0)
            continue;
        if (entries[1].revents != 0)
            return NULL;
        eventfd_t count;
        if (entries[0].revents != 0 && eventfd_read(vfio->watch_request, &count) == 0)
            bus_leave(&vfio->pci.bus, "the device is being removed; close it to let that go on");
    }
}

static int32_t pci_vfio_watch_connect(struct pci_vfio *vfio)
{
    union {
        struct vfio_irq_set request;
        uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    } set = {.request = {.argsz = sizeof(set),
                         .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                         .index = VFIO_PCI_REQ_IRQ_INDEX,
                         .count = 1}};
    int32_t event = vfio->watch_request;
    memcpy(set.bytes + sizeof(struct vfio_irq_set), &event, sizeof(event));
    if (ioctl(vfio->file, VFIO_DEVICE_SET_IRQS, &set) != 0)
        return error_set_errno("%s: the event of device requests", vfio->pci.name);
    return 0;
}

static int32_t pci_vfio_watch_run(struct pci_vfio *vfio)
{
    /* Signals are the program's: none is to be handled on this thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&vfio->watcher, NULL, pci_vfio_watch, vfio);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0)
        return error_set(IXY_E_NO_MEMORY, "%s: no thread to watch for its removal: %s", vfio->pci.name,
                         strerror(failed));
    pthread_setname_np(vfio->watcher, "ixy-vfio");
    vfio->watched = true;
    return 0;
}

int32_t pci_vfio_watch_start(struct pci_vfio *vfio)
{
    struct vfio_irq_info info = {.argsz = sizeof(info), .index = VFIO_PCI_REQ_IRQ_INDEX};
    if (ioctl(vfio->file, VFIO_DEVICE_GET_IRQ_INFO, &info) != 0 || info.count == 0)
        return 0; /* Linux before 4.0 */
    int32_t code = event_open(&vfio->watch_request, vfio->pci.name);
    if (code >= 0)
        code = event_open(&vfio->watch_stop, vfio->pci.name);
    if (code >= 0)
        code = pci_vfio_watch_connect(vfio);
    return code >= 0 ? pci_vfio_watch_run(vfio) : code;
}

void pci_vfio_watch_stop(struct pci_vfio *vfio)
{
    if (vfio->watched) {
        eventfd_write(vfio->watch_stop, 1);
        pthread_join(vfio->watcher, NULL);
    }
    vfio->watched = false;
    event_close(&vfio->watch_request);
    event_close(&vfio->watch_stop);
}
