/* What is known of a packet beside its bytes: its buffer's metadata record, and whether it goes on in the next.
 *
 * Setting changes what it names and leaves the rest of the record as it is, so that a received packet that is sent on
 * keeps its tag while it is given a checksum to fill in. */
#include "objects.h"

#define TX_CHECKSUMS (IXY_META_TX_IP_CHECKSUM | IXY_META_TX_TCP_CHECKSUM | IXY_META_TX_UDP_CHECKSUM)

/* The packet's record. Both return 0, or -1 with an exception set. */
static int metadata_read(struct packet *self, ixy_metadata *metadata)
{
    if (ixy_buf_metadata(self->memory->pool, &self->frame, metadata) >= 0)
        return 0;
    packet_stale(self);
    return -1;
}

static int metadata_write(struct packet *self, const ixy_metadata *metadata)
{
    if (ixy_buf_metadata_set(self->memory->pool, &self->frame, metadata) >= 0)
        return 0;
    packet_stale(self);
    return -1;
}

PyObject *packet_get_timestamp(PyObject *object, void *closure)
{
    (void)closure;
    ixy_metadata metadata;
    if (metadata_read((struct packet *)object, &metadata) < 0)
        return NULL;
    if ((metadata.flags & IXY_META_TIMESTAMP) == 0)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(metadata.timestamp);
}

PyObject *packet_get_vlan(PyObject *object, void *closure)
{
    (void)closure;
    ixy_metadata metadata;
    if (metadata_read((struct packet *)object, &metadata) < 0)
        return NULL;
    if ((metadata.flags & IXY_META_VLAN) == 0)
        Py_RETURN_NONE;
    return PyLong_FromLong(metadata.vlan_tci);
}

static int no_delete(PyObject *value)
{
    if (value != NULL)
        return 0;
    PyErr_SetString(PyExc_TypeError, "an attribute of a packet cannot be deleted");
    return -1;
}

int packet_set_vlan(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    struct packet *self = (struct packet *)object;
    ixy_metadata metadata;
    uint16_t vlan = 0;
    if (no_delete(value) < 0 || (value != Py_None && argument_u16(value, "vlan", &vlan) < 0))
        return -1;
    if (metadata_read(self, &metadata) < 0)
        return -1;
    metadata.flags &= ~(uint32_t)IXY_META_VLAN;
    if (value != Py_None)
        metadata.flags |= IXY_META_VLAN;
    metadata.vlan_tci = vlan;
    return metadata_write(self, &metadata);
}

/* What the device found of a checksum: True, False, or None if it did not look. */
static PyObject *metadata_checked(PyObject *object, uint32_t good, uint32_t bad)
{
    ixy_metadata metadata;
    if (metadata_read((struct packet *)object, &metadata) < 0)
        return NULL;
    if ((metadata.flags & (good | bad)) == 0)
        Py_RETURN_NONE;
    return PyBool_FromLong((metadata.flags & bad) == 0);
}

PyObject *packet_get_ip_good(PyObject *object, void *closure)
{
    (void)closure;
    return metadata_checked(object, IXY_META_RX_IP_GOOD, IXY_META_RX_IP_BAD);
}

PyObject *packet_get_l4_good(PyObject *object, void *closure)
{
    (void)closure;
    return metadata_checked(object, IXY_META_RX_L4_GOOD, IXY_META_RX_L4_BAD);
}

/* The flag of l4. Returns 0, or -1 with an exception set. */
static int checksum_l4(PyObject *l4, uint32_t *flag)
{
    *flag = 0;
    if (l4 == Py_None)
        return 0;
    if (argument_type(l4, &PyUnicode_Type, "l4 as a str or None") < 0)
        return -1;
    if (PyUnicode_CompareWithASCIIString(l4, "tcp") == 0)
        *flag = IXY_META_TX_TCP_CHECKSUM;
    else if (PyUnicode_CompareWithASCIIString(l4, "udp") == 0)
        *flag = IXY_META_TX_UDP_CHECKSUM;
    if (*flag != 0)
        return 0;
    raise_code(IXY_E_ARGUMENT, PyUnicode_FromFormat("l4 is %R; right is \"tcp\", \"udp\" or None", l4));
    return -1;
}

static int checksum_length(const char *name, PyObject *value, uint8_t *length)
{
    uint64_t number = *length;
    if (value != NULL && argument_number(value, name, 0, UINT8_MAX, &number) < 0)
        return -1;
    *length = (uint8_t)number;
    return 0;
}

PyObject *packet_set_checksum(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"ip", "l4", "l2_len", "l3_len", NULL};
    struct packet *self = (struct packet *)object;
    int ip = 1;
    uint32_t l4_flag;
    PyObject *l4 = Py_None, *l2_len = NULL, *l3_len = NULL;
    uint8_t l2 = 14, l3 = 20;
    ixy_metadata metadata;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$pOOO:set_checksum", names, &ip, &l4, &l2_len, &l3_len) ||
        checksum_l4(l4, &l4_flag) < 0 || checksum_length("l2_len", l2_len, &l2) < 0 ||
        checksum_length("l3_len", l3_len, &l3) < 0 || metadata_read(self, &metadata) < 0)
        return NULL;
    metadata.flags &= ~(uint32_t)TX_CHECKSUMS;
    metadata.flags |= l4_flag | (ip ? IXY_META_TX_IP_CHECKSUM : 0);
    metadata.l2_len = l2;
    metadata.l3_len = l3;
    if (metadata_write(self, &metadata) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *packet_get_more(PyObject *object, void *closure)
{
    (void)closure;
    struct packet *self = (struct packet *)object;
    if (PyObject_Size(object) < 0)
        return NULL;
    return PyBool_FromLong(self->frame.flags & IXY_FRAME_MORE);
}

int packet_set_more(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    struct packet *self = (struct packet *)object;
    int more = no_delete(value) < 0 ? -1 : PyObject_IsTrue(value);
    if (more < 0 || PyObject_Size(object) < 0)
        return -1;
    self->frame.flags &= (uint16_t)~IXY_FRAME_MORE;
    if (more)
        self->frame.flags |= IXY_FRAME_MORE;
    return 0;
}
