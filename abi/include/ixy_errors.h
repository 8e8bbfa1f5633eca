/* The error codes of libixy: what every call returns when it does not succeed.
 *
 * This header stands alone because all layers share it (core, emu, abi and every binding), and it holds literal
 * constants only, so that cffi, SWIG, bindgen and people read the same file. Values never change and are never reused.
 */
#define IXY_OK 0              /* success; calls that count return the count instead */
#define IXY_E_HANDLE -1       /* handle is stale, foreign, forged, of another kind, or 0 */
#define IXY_E_ARGUMENT -2     /* a pointer is NULL or a value is outside its documented set */
#define IXY_E_RANGE -3        /* queue index, count or offset is out of range */
#define IXY_E_FRAME -4        /* frame lies outside the buffer that it names, or its length cannot be sent */
#define IXY_E_BUSY -5         /* another thread is in this queue, or the object is still in use */
#define IXY_E_STATE -6        /* not possible in this state: transmit before start, start twice */
#define IXY_E_NO_MEMORY -7    /* the operating system gave no memory */
#define IXY_E_NO_BUFFERS -8   /* the pool has no free buffer at the moment */
#define IXY_E_POOL_SIZE -9    /* the pool has too few buffers for the rings of its devices, or too small ones */
#define IXY_E_TIMEOUT -10     /* the device did not answer in the time that its data sheet allows */
#define IXY_E_ADDRESS -11     /* malformed device address, unknown scheme, device or option */
#define IXY_E_NOT_FOUND -12   /* no such device, file or interface */
#define IXY_E_PERMISSION -13  /* the operating system refused access */
#define IXY_E_UNSUPPORTED -14 /* this device, driver or build cannot do that */
#define IXY_E_STRUCT -15      /* struct_size is wrong, or a member that this library does not know is not zero */
#define IXY_E_FORK -16        /* the handle was inherited over fork(); open devices and pools anew in the child */
#define IXY_E_DEVICE -17      /* the device is gone or answers what its data sheet forbids */
#define IXY_E_IO -18          /* a system call failed; ixy_last_error names it */
#define IXY_E_LIMIT -19       /* too many open devices, pools or views */
