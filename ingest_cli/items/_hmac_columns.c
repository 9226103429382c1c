/* HMAC-SHA256 (RFC 2104, FIPS 180-4) of many values at once, and the seal made of it, with a key for each value.
 *
 * A vector unit runs SHA-256 over several messages side by side, one in each lane. The values are sorted by
 * their number of blocks, so that the lanes end together. Then their blocks are padded, transposed and hashed.
 * It uses the vector types of GCC and Clang, without intrinsics. The second half of the file is the template for
 * one vector width: the file includes itself for each width. */
#ifndef WIDTH

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum {
    BLOCK = 64,        /* bytes of a block, and of the key at most */
    TAG = 32,          /* bytes of a tag, and of the key of a seal */
    IV = 16,           /* bytes of a seal before the encrypted text: its synthetic initialization vector */
    LANES_AT_MOST = 16, /* of the widest vectors */
    EXACT = 64,        /* values of up to this many blocks are sorted exactly, longer ones roughly */
    GIL_COUNT = 64,    /* from this many values on, */
    GIL_BYTES = 8192,  /* or this many bytes, the GIL is released */
};
#ifndef HMAC_COLUMNS_MOST
#define HMAC_COLUMNS_MOST 16 /* maximum vector width; lowered in tests only */
#endif

/* FIPS 180-4, 5.3.3 */
static const uint32_t INITIAL[8] = {
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
};

/* FIPS 180-4, 4.2.2 */
static const uint32_t CONSTANTS[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

/* The numbers of the lanes. */
static const uint32_t LANES[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The places of the bytes in a block, to be compared with the end of the value. */
static const int8_t PLACES[BLOCK] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55,
    56, 57, 58, 59, 60, 61, 62, 63,
};

/* The values to hash: already checked. */
struct column {
    const uint8_t *values, *key;
    int64_t size;  /* of the values' buffer */
    const int32_t *offsets;
    uint32_t *order;  /* the indices of the values, sorted by number of blocks */
    size_t count, key_size;
    uint8_t *tags;
    const uint8_t *keys;  /* of seals: TAG bytes for each value */
    uint8_t *sealed;      /* memory for the seals of as many values as there are lanes */
    const uint8_t *heads, *tail; /* what stands before the base64 of each seal, and behind it */
    size_t head_size, tail_size, stride;
    uint8_t *text;        /* head, seal and tail of each value, end to end */
    size_t *places;       /* the place of each value's text */
};

/* The length of a value. */
static inline uint32_t length_of(const struct column *column, size_t index)
{
    return (uint32_t)(column->offsets[index + 1] - column->offsets[index]);
}

/* The number of blocks of a padded value: it gets one bit more at least, and its length in 8 bytes. */
static inline uint32_t blocks_of(uint32_t length) { return (length + 72) >> 6; }

/* The group of a value in the sort: the number of its blocks, or of the bits of that if it is long. */
static inline uint32_t group_of(uint32_t length)
{
    uint32_t blocks = blocks_of(length);
    return blocks <= EXACT ? blocks : EXACT + 31 - (uint32_t)__builtin_clz(blocks);
}

/* The characters of a seal in base64. */
static inline size_t characters_of(uint32_t length) { return ((size_t)length + IV - 1 + 2) / 3 * 4; }

static const uint8_t ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Every two characters of base64, filled when the module is loaded. */
static uint8_t PAIRS[4096][2];

/* Encode bytes in base64 (RFC 4648, 4). */
static void encode(const uint8_t *from, size_t size, uint8_t *to)
{
    size_t i = 0;
    for (; i + 3 <= size; i += 3, to += 4) {
        uint32_t word = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];
        memcpy(to, PAIRS[word >> 12], 2);
        memcpy(to + 2, PAIRS[word & 4095], 2);
    }
    if (i < size) {
        uint32_t word = (uint32_t)from[i] << 16 | (i + 1 < size ? (uint32_t)from[i + 1] << 8 : 0);
        to[0] = ALPHABET[word >> 18];
        to[1] = ALPHABET[word >> 12 & 63];
        to[2] = i + 1 < size ? ALPHABET[word >> 6 & 63] : '=';
        to[3] = '=';
    }
}

/* Fill `order` by a counting sort. The order affects only the use of the lanes, not the tags. */
static void sort(const struct column *column)
{
    uint32_t places[EXACT + 32] = {0}, before = 0;
    for (size_t i = 0; i < column->count; i++)
        places[group_of(length_of(column, i))]++;
    for (size_t group = 0; group < EXACT + 32; group++) {
        before += places[group];
        places[group] = before - places[group];
    }
    for (size_t i = 0; i < column->count; i++)
        column->order[places[group_of(length_of(column, i))]++] = (uint32_t)i;
}

/* Overwrite memory that held something secret, in a way no compiler leaves out. */
static void wipe(void *memory, size_t size)
{
    typedef uintptr_t __attribute__((may_alias)) any;
    for (volatile any *word = memory; size >= sizeof *word; size -= sizeof *word)
        *word++ = 0;
}

/* Without it, GCC goes through memory to split a vector; Clang does not. */
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLLED _Pragma("GCC unroll 16")
#else
#define UNROLLED
#endif

/* Lanes of two vectors, by number. GCC knows Clang's name for it from version 12 on. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#define SHUFFLED(x, y, ...) __builtin_shuffle(x, y, (lanes){__VA_ARGS__})
#else
#define SHUFFLED(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#endif

/* The names in the template that differ by width. */
#define PASTED(name, width) name##width
#define NAMED(name, width) PASTED(name, width)
#define lanes NAMED(lanes, WIDTH)
#define bytes NAMED(bytes, WIDTH)
#define work NAMED(work, WIDTH)
#define compress NAMED(compress, WIDTH)
#define swapped NAMED(swapped, WIDTH)
#define transpose NAMED(transpose, WIDTH)
#define pack NAMED(pack, WIDTH)
#define begin NAMED(begin, WIDTH)
#define load_block NAMED(load_block, WIDTH)
#define store NAMED(store, WIDTH)
#define choose NAMED(choose, WIDTH)
#define finish NAMED(finish, WIDTH)
#define begin_each NAMED(begin_each, WIDTH)
#define next_stream NAMED(next_stream, WIDTH)
#define put NAMED(put, WIDTH)

#define WIDTH 4
#define TARGET
#include "_hmac_columns.c"
#ifdef __x86_64__
#define WIDTH 8
#define TARGET __attribute__((target("avx2")))
#include "_hmac_columns.c"
#define WIDTH 16
#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512vl")))
#include "_hmac_columns.c"
#endif

/* Hash, or seal if there are keys, with the widest vectors that the processor and the system have. */
static void hash_column(const struct column *column)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (HMAC_COLUMNS_MOST >= 16 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        column->keys ? seal_all16(column) : hash_all16(column);
    else if (HMAC_COLUMNS_MOST >= 8 && __builtin_cpu_supports("avx2"))
        column->keys ? seal_all8(column) : hash_all8(column);
    else
#endif
        column->keys ? seal_all4(column) : hash_all4(column);
}

/* Whether the offsets are in order and within the values. */
static int valid(const int32_t *offsets, size_t count, Py_ssize_t size)
{
    int bad = offsets[0] < 0;
    for (size_t i = 0; i < count; i++)
        bad |= offsets[i] > offsets[i + 1];
    return !bad && offsets[count] <= size;
}

/* The error in the arguments, without checking the offsets; or NULL. */
static const char *complaint(const Py_buffer *offsets, Py_ssize_t first, Py_ssize_t count)
{
    Py_ssize_t present = offsets->len / (Py_ssize_t)sizeof(int32_t);
    if (first < 0 || count < 0 || count > INT32_MAX) /* `order` is of 32 bits */
        return "first or count is out of range";
    if (offsets->len % (Py_ssize_t)sizeof(int32_t))
        return "the offsets are not whole 32-bit numbers";
    if (count && (count >= present || first >= present - count))
        return "there are too few offsets";
    return NULL;
}

/* Copy the offsets of `count` values, with room behind them for the order of the values: they cannot change between their
 * check and their use then, and are aligned. */
static int32_t *copied(const Py_buffer *from, Py_ssize_t first, Py_ssize_t count)
{
    size_t n = (size_t)count;
    int32_t *offsets = count <= PY_SSIZE_T_MAX / (2 * TAG) ? PyMem_Malloc((2 * n + 1) * sizeof *offsets) : NULL;
    if (offsets)
        memcpy(offsets, (const uint8_t *)from->buf + (size_t)first * sizeof *offsets, (n + 1) * sizeof *offsets);
    else
        PyErr_NoMemory();
    return offsets;
}

/* Sort and hash, or seal, a column, without the GIL if that takes a while. */
static void process(const struct column *column)
{
    size_t n = column->count;
    int release = n >= GIL_COUNT || column->offsets[n] - column->offsets[0] >= GIL_BYTES;
    PyThreadState *thread = release ? PyEval_SaveThread() : NULL;
    sort(column);
    hash_column(column);
    if (thread)
        PyEval_RestoreThread(thread);
}

/* Compute the tags of at least one value. */
static PyObject *tags_of(const Py_buffer *key, const Py_buffer *values, const Py_buffer *from, Py_ssize_t first,
                         Py_ssize_t count)
{
    size_t n = (size_t)count;
    int32_t *offsets = copied(from, first, count);
    if (!offsets)
        return NULL;
    PyObject *tags = NULL;
    if (!valid(offsets, n, values->len))
        PyErr_SetString(PyExc_ValueError, "the offsets are not in order or not within the values");
    else
        tags = PyBytes_FromStringAndSize(NULL, count * TAG);
    if (tags) {
        struct column column = {
            .values = values->buf, .size = values->len, .offsets = offsets, .order = (uint32_t *)offsets + n + 1,
            .count = n, .key = key->buf, .key_size = (size_t)key->len, .tags = (uint8_t *)PyBytes_AsString(tags),
        };
        process(&column);
    }
    PyMem_Free(offsets);
    return tags;
}

/* Note where the text of each value begins; return the size of all. */
static size_t placed(const int32_t *offsets, size_t count, size_t around, size_t *places)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        places[i] = size;
        size += around + characters_of((uint32_t)(offsets[i + 1] - offsets[i]));
    }
    return size;
}

/* Whether no value is empty. */
static int filled(const int32_t *offsets, size_t count)
{
    int bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= offsets[i] == offsets[i + 1];
    return !bad;
}

/* The length of the longest value. */
static size_t longest_of(const int32_t *offsets, size_t count)
{
    int32_t longest = 0;
    for (size_t i = 0; i < count; i++)
        longest = offsets[i + 1] - offsets[i] > longest ? offsets[i + 1] - offsets[i] : longest;
    return (size_t)longest;
}

/* Compute the seals of at least one value, and write them with heads and tails to `text`; return whether it is done. */
static int write_seals(const Py_buffer *keys, const Py_buffer *heads, const Py_buffer *tail, const Py_buffer *values,
                       const Py_buffer *from, Py_ssize_t first, Py_ssize_t count, const Py_buffer *text)
{
    size_t n = (size_t)count, head_size = (size_t)heads->len / n, tail_size = (size_t)tail->len;
    int32_t *offsets = copied(from, first, count);
    if (!offsets)
        return 0;
    int done = 0;
    size_t *places = NULL, stride = 0;
    uint8_t *sealed = NULL;
    if (!valid(offsets, n, values->len))
        PyErr_SetString(PyExc_ValueError, "the offsets are not in order or not within the values");
    else if (!filled(offsets, n))
        PyErr_SetString(PyExc_ValueError, "a value to be sealed is empty");
    else if ((stride = longest_of(offsets, n) + IV) > PY_SSIZE_T_MAX / LANES_AT_MOST
             || !(places = PyMem_Malloc(n * sizeof *places)) || !(sealed = PyMem_Malloc(stride * LANES_AT_MOST)))
        PyErr_NoMemory();
    else if (placed(offsets, n, head_size + tail_size, places) != (size_t)text->len)
        PyErr_SetString(PyExc_ValueError, "the memory to write to has another size than the requests");
    else {
        struct column column = {
            .values = values->buf, .size = values->len, .offsets = offsets, .order = (uint32_t *)offsets + n + 1,
            .count = n, .keys = keys->buf, .sealed = sealed, .stride = stride, .text = text->buf, .places = places,
            .heads = heads->buf, .head_size = head_size, .tail = tail->buf, .tail_size = tail_size,
        };
        process(&column);
        done = 1;
    }
    PyMem_Free(sealed);
    PyMem_Free(places);
    PyMem_Free(offsets);
    return done;
}

/* The function of the module. */
static PyObject *hmac_sha256(PyObject *module, PyObject *arguments)
{
    Py_buffer key, values, offsets;
    Py_ssize_t first, count;
    PyObject *tags = NULL;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*y*nn:hmac_sha256", &key, &values, &offsets, &first, &count))
        return NULL;
    const char *wrong = complaint(&offsets, first, count);
    if (key.len > BLOCK)
        wrong = "the key is longer than 64 bytes";
    if (wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    else if (count == 0)
        tags = PyBytes_FromStringAndSize(NULL, 0);
    else
        tags = tags_of(&key, &values, &offsets, first, count);
    PyBuffer_Release(&key);
    PyBuffer_Release(&values);
    PyBuffer_Release(&offsets);
    return tags;
}

/* The other function of the module. */
static PyObject *seal(PyObject *module, PyObject *arguments)
{
    Py_buffer keys, heads, tail, values, offsets, text;
    Py_ssize_t first, count;
    int done = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*nnw*:seal", &keys, &heads, &tail, &values, &offsets, &first, &count,
                          &text))
        return NULL;
    const char *wrong = complaint(&offsets, first, count);
    if (!wrong && (keys.len % TAG || keys.len / TAG != count))
        wrong = "there is not one key of 32 bytes for each value";
    if (!wrong && (count ? heads.len % count : heads.len))
        wrong = "there is not one head for each value, all of one size";
    if (wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    else
        done = count == 0 || write_seals(&keys, &heads, &tail, &values, &offsets, first, count, &text);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&heads);
    PyBuffer_Release(&tail);
    PyBuffer_Release(&values);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&text);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"hmac_sha256", hmac_sha256, METH_VARARGS,
     "hmac_sha256($module, key, values, offsets, first, count, /)\n--\n\n"
     "The HMAC-SHA256 of each of `count` values of an Arrow binary column, from number `first` on, end to end.\n\n"
     "`values` is the column's data and `offsets` its int32 offsets. The key has 64 bytes at most."},
    {"seal", seal, METH_VARARGS,
     "seal($module, keys, heads, tail, values, offsets, first, count, text, /)\n--\n\n"
     "Write to `text`, for each of `count` values of an Arrow binary column, from number `first` on: its head, its seal\n"
     "in base64, and the tail, end to end.\n\n"
     "`keys` holds 32 bytes, and `heads` as many bytes each, for all of them. A value is a zero byte and the text to be\n"
     "sealed. Its seal is the first 16 bytes t of the HMAC-SHA256 of the value, and the text XOR the HMACs of 01 t j\n"
     "(j = 0, 1, ..., 4 bytes)."},
    {0},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_hmac_columns",
    .m_doc = "HMAC-SHA256 of whole columns.",
    .m_methods = METHODS,
};

/* Entry point of the module for Python. */
PyMODINIT_FUNC PyInit__hmac_columns(void)
{
    for (size_t i = 0; i < 4096; i++) {
        PAIRS[i][0] = ALPHABET[i >> 6];
        PAIRS[i][1] = ALPHABET[i & 63];
    }
    return PyModuleDef_Init(&MODULE);
}

#else /* The template: WIDTH lanes, of functions compiled for TARGET. */

typedef uint32_t lanes __attribute__((vector_size(WIDTH * 4)));
typedef int8_t bytes __attribute__((vector_size(WIDTH * 4)));

/* All the memory a run needs, to be wiped after it. */
struct work {
    lanes state[8], inner[8], outer[8];
    lanes words[64];          /* the block of each lane, and the words derived from it */
    lanes rows[16];           /* the block of each lane, not transposed yet: see `pack` */
    uint32_t lengths[WIDTH];  /* of the values in the lanes */
    uint32_t indices[WIDTH];
    uint8_t tail[BLOCK];      /* the end of a value near the end of the data */
    lanes key[TAG / 4];       /* of seals, the keys of the lanes, */
    lanes iv[IV / 4];         /* their initialization vectors, */
    uint8_t states[WIDTH * TAG]; /* and the states of the lanes as bytes */
};

/* Each word rotated to the right, and the functions of FIPS 180-4, 4.1.2. */
#define ROTATED(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))
#define BIG0(x) (ROTATED(x, 2) ^ ROTATED(x, 13) ^ ROTATED(x, 22))
#define BIG1(x) (ROTATED(x, 6) ^ ROTATED(x, 11) ^ ROTATED(x, 25))
#define SMALL0(x) (ROTATED(x, 7) ^ ROTATED(x, 18) ^ (x) >> 3)
#define SMALL1(x) (ROTATED(x, 17) ^ ROTATED(x, 19) ^ (x) >> 10)
#define CHOICE(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#define MAJORITY(x, y, z) ((((x) ^ (y)) & ((y) ^ (z))) ^ (y))

/* The word of round t + 16. */
#define SCHEDULE(t) (words[(t) + 16] = words[t] + SMALL0(words[(t) + 1]) + words[(t) + 9] + SMALL1(words[(t) + 14]))
/* Round t, after `before`. Instead of moving the variables, the caller renames them. */
#define ROUND(before, a, b, c, d, e, f, g, h, t) \
    before(t), h += words[t] + CONSTANTS[t] + CHOICE(e, f, g) + BIG1(e), d += h, h += MAJORITY(a, b, c) + BIG0(a)
/* Eight rounds from t on, after which the variables have their names again. */
#define ROUNDS(before, t)                                                                       \
    ROUND(before, a, b, c, d, e, f, g, h, t), ROUND(before, h, a, b, c, d, e, f, g, t + 1),     \
    ROUND(before, g, h, a, b, c, d, e, f, t + 2), ROUND(before, f, g, h, a, b, c, d, e, t + 3), \
    ROUND(before, e, f, g, h, a, b, c, d, t + 4), ROUND(before, d, e, f, g, h, a, b, c, t + 5), \
    ROUND(before, c, d, e, f, g, h, a, b, t + 6), ROUND(before, b, c, d, e, f, g, h, a, t + 7)

/* One block, of which `words` holds the first 16, into the state of each lane whose mask is all ones. */
TARGET __attribute__((noinline)) static void compress(lanes *restrict state, lanes *restrict words, lanes mask)
{
    lanes a = state[0], b = state[1], c = state[2], d = state[3];
    lanes e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 48; t += 8)
        ROUNDS(SCHEDULE, t);
    for (int t = 48; t < 64; t += 8)
        ROUNDS((void), t);
    state[0] += a & mask, state[1] += b & mask, state[2] += c & mask, state[3] += d & mask;
    state[4] += e & mask, state[5] += f & mask, state[6] += g & mask, state[7] += h & mask;
}

/* Words from big-endian bytes, or back. */
TARGET static inline lanes swapped(lanes x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return x;
#else
    return (ROTATED(x, 8) & 0xFF00FF00) | (ROTATED(x, 24) & 0x00FF00FF);
#endif
}

/* The same four lanes of each 128 bits of two vectors. The second's lanes are counted on from WIDTH. */
#undef CHOSEN
#if WIDTH == 4
#define CHOSEN(x, y, a, b, c, d) SHUFFLED(x, y, a, b, c, d)
#elif WIDTH == 8
#define CHOSEN(x, y, a, b, c, d) SHUFFLED(x, y, a, b, c, d, a + 4, b + 4, c + 4, d + 4)
#else
#define CHOSEN(x, y, a, b, c, d) SHUFFLED(x, y, a, b, c, d, a + 4, b + 4, c + 4, d + 4, \
    a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12)
#endif

/* Transpose each square of four by four words of four vectors, and swap their bytes. */
TARGET static inline void transpose(const lanes *from, lanes *to)
{
    lanes low0 = CHOSEN(from[0], from[1], 0, WIDTH, 1, WIDTH + 1);
    lanes low1 = CHOSEN(from[2], from[3], 0, WIDTH, 1, WIDTH + 1);
    lanes high0 = CHOSEN(from[0], from[1], 2, WIDTH + 2, 3, WIDTH + 3);
    lanes high1 = CHOSEN(from[2], from[3], 2, WIDTH + 2, 3, WIDTH + 3);
    to[0] = swapped(CHOSEN(low0, low1, 0, 1, WIDTH, WIDTH + 1));
    to[1] = swapped(CHOSEN(low0, low1, 2, 3, WIDTH + 2, WIDTH + 3));
    to[2] = swapped(CHOSEN(high0, high1, 0, 1, WIDTH, WIDTH + 1));
    to[3] = swapped(CHOSEN(high0, high1, 2, 3, WIDTH + 2, WIDTH + 3));
}

/* Put the block of one lane's value that begins `done` bytes into it, padded, into the rows.
 *
 * Bytes behind the value are read, and blanked; but none behind the end of the data. The four quarters
 * of a block go to where `transpose` has them in the right lane: quarter q of lane l to the part l / 4
 * of row 4 q + l % 4. A lane whose value has ended gets a block that is not used. */
TARGET static inline void pack(const struct column *column, struct work *work, size_t lane, int64_t done)
{
    int64_t at = column->offsets[work->indices[lane]] + done;
    int64_t left = (int64_t)work->lengths[lane] - done;
    left = left < -1 ? -1 : left > BLOCK ? BLOCK : left;
    const uint8_t *source = work->tail;
    if (at + BLOCK <= column->size)
        source = column->values + at;
    else if (left > 0)
        memcpy(work->tail, column->values + at, (size_t)left);
    uint8_t *target = (uint8_t *)&work->rows[lane % 4] + lane / 4 * 16;
    for (size_t i = 0; i < BLOCK; i += sizeof(bytes)) {
        bytes places, part;
        memcpy(&places, PLACES + i, sizeof places);
        memcpy(&part, source + i, sizeof part);
        part = (part & (bytes)(places < (int8_t)left)) | ((bytes)(places == (int8_t)left) & INT8_MIN);
        UNROLLED for (size_t j = 0; j < sizeof part; j += 16)
            memcpy(target + (i + j) / 16 * (4 * sizeof(lanes)), (const uint8_t *)&part + j, 16);
    }
}

/* Compute the states after the key blocks, in all lanes: the inner in lane 0, the outer in the others. */
TARGET static void begin(const struct column *column, struct work *work)
{
    const lanes none = {0};
    lanes pads = none + 0x5C5C5C5C;
    pads[0] = 0x36363636;
    for (size_t i = 0; i < 8; i++)
        work->state[i] = none + INITIAL[i];
    memset(work->tail, 0, BLOCK);
    if (column->key_size)
        memcpy(work->tail, column->key, column->key_size);
    for (size_t i = 0; i < 16; i++) {
        const uint8_t *k = work->tail + 4 * i;
        uint32_t word = (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 | (uint32_t)k[2] << 8 | k[3];
        work->words[i] = (none + word) ^ pads;
    }
    compress(work->state, work->words, ~none);
    for (size_t i = 0; i < 8; i++) {
        work->inner[i] = none + work->state[i][0];
        work->outer[i] = none + work->state[i][1];
    }
}

/* Load block number `block` of all lanes' values, and return the mask of the lanes that have one. */
TARGET static inline lanes load_block(const struct column *column, struct work *work, uint32_t block)
{
    for (size_t lane = 0; lane < WIDTH; lane++)
        pack(column, work, lane, (int64_t)block * BLOCK);
    for (size_t i = 0; i < 16; i += 4)
        transpose(work->rows + i, work->words + i);
    /* The last block ends with the number of bits, of which the key block has 512. */
    lanes lengths;
    memcpy(&lengths, work->lengths, sizeof lengths);
    lanes ends = (lengths + 72) >> 6;
    lanes final = (lanes)(ends == block + 1);
    work->words[14] |= final & ((lengths + BLOCK) >> 29);
    work->words[15] |= final & ((lengths + BLOCK) << 3);
    return (lanes)(ends > block);
}

/* Write the state of each lane to one of the `places` behind `to`, of TAG bytes each. */
TARGET static inline void store(struct work *work, uint8_t *to, const uint32_t *places)
{
    for (size_t half = 0; half < 2; half++) {
        transpose(work->state + 4 * half, work->rows);
        UNROLLED for (size_t lane = 0; lane < WIDTH; lane++) {
            const uint8_t *part = (const uint8_t *)&work->rows[lane % 4] + lane / 4 * 16;
            memcpy(to + (size_t)places[lane] * TAG + half * 16, part, 16);
        }
    }
}

/* Choose the values of the lanes from number `first` of the order on; return the most blocks that one of them has.
 * Lanes left over at the end repeat the last value. */
TARGET static inline uint32_t choose(const struct column *column, struct work *work, size_t first)
{
    uint32_t most = 0;
    for (size_t lane = 0; lane < WIDTH; lane++) {
        size_t place = first + lane < column->count ? first + lane : column->count - 1;
        uint32_t length = length_of(column, column->order[place]);
        work->indices[lane] = column->order[place];
        work->lengths[lane] = length;
        most = blocks_of(length) > most ? blocks_of(length) : most;
    }
    return most;
}

/* Compute the HMACs from the states after the last blocks of the values. */
TARGET static inline void finish(struct work *work)
{
    static const uint32_t OUTER_END[8] = {0x80000000, 0, 0, 0, 0, 0, 0, (BLOCK + TAG) * 8};
    const lanes none = {0};
    memcpy(work->words, work->state, sizeof work->state);
    for (size_t i = 0; i < 8; i++)
        work->words[8 + i] = none + OUTER_END[i];
    memcpy(work->state, work->outer, sizeof work->state);
    compress(work->state, work->words, ~none);
}

/* Write the tags of all values, at least one. */
TARGET static void NAMED(hash_all, WIDTH)(const struct column *column)
{
    struct work work;
    begin(column, &work);
    for (size_t first = 0; first < column->count; first += WIDTH) {
        uint32_t most = choose(column, &work, first);
        memcpy(work.state, work.inner, sizeof work.state);
        for (uint32_t block = 0; block < most; block++) {
            lanes mask = load_block(column, &work, block);
            compress(work.state, work.words, mask);
        }
        finish(&work);
        store(&work, column->tags, work.indices);
    }
    wipe(&work, sizeof work);
}

/* Compute the states after the key blocks, of the own key of each lane. */
TARGET static void begin_each(const struct column *column, struct work *work)
{
    const lanes none = {0};
    for (size_t lane = 0; lane < WIDTH; lane++)
        for (size_t half = 0; half < 2; half++)
            memcpy((uint8_t *)&work->rows[half * 4 + lane % 4] + lane / 4 * 16,
                   column->keys + (size_t)work->indices[lane] * TAG + half * 16, 16);
    transpose(work->rows, work->key);
    transpose(work->rows + 4, work->key + 4);
    for (size_t pad = 0; pad < 2; pad++) {
        const uint32_t mask = pad ? 0x5C5C5C5C : 0x36363636;
        for (size_t i = 0; i < 8; i++) {
            work->words[i] = work->key[i] ^ mask;
            work->words[8 + i] = none + mask;
            work->state[i] = none + INITIAL[i];
        }
        compress(work->state, work->words, ~none);
        memcpy(pad ? work->outer : work->inner, work->state, sizeof work->state);
    }
}

/* Compute part `number` of the stream from the synthetic initialization vector: 01, that, and the number. */
TARGET static inline void next_stream(struct work *work, uint32_t number)
{
    const lanes none = {0}, *iv = work->iv;
    lanes *words = work->words;
    words[0] = (none + 0x01000000) | iv[0] >> 8;
    for (size_t i = 1; i < 4; i++)
        words[i] = iv[i - 1] << 24 | iv[i] >> 8;
    words[4] = iv[3] << 24 | number >> 8;
    words[5] = none + (number << 24 | 0x00800000);
    for (size_t i = 6; i < 15; i++)
        words[i] = none;
    words[15] = none + (BLOCK + 1 + IV + 4) * 8;
    memcpy(work->state, work->inner, sizeof work->state);
    compress(work->state, words, ~none);
    finish(work);
}

/* Put part `number` of the stream over that of each lane's text, which begins behind the first byte of its value. */
TARGET static inline void put(const struct column *column, struct work *work, uint32_t number)
{
    store(work, work->states, LANES);
    for (size_t lane = 0; lane < WIDTH; lane++) {
        size_t size = work->lengths[lane] - 1, done = (size_t)number * TAG;
        if (done >= size)
            continue;
        const uint8_t *text = column->values + column->offsets[work->indices[lane]] + 1 + done;
        uint8_t *sealed = column->sealed + lane * column->stride + IV + done;
        const uint8_t *stream = work->states + lane * TAG;
        if (size - done >= TAG)
            for (size_t i = 0; i < TAG; i++)
                sealed[i] = text[i] ^ stream[i];
        else
            for (size_t i = 0; done + i < size; i++)
                sealed[i] = text[i] ^ stream[i];
    }
}

/* Write the seals of all values, at least one. No value is empty. */
TARGET static void NAMED(seal_all, WIDTH)(const struct column *column)
{
    struct work work;
    memset(work.tail, 0, sizeof work.tail);
    for (size_t first = 0; first < column->count; first += WIDTH) {
        uint32_t most = choose(column, &work, first), longest = 0;
        begin_each(column, &work);
        memcpy(work.state, work.inner, sizeof work.state);
        for (uint32_t block = 0; block < most; block++) {
            lanes mask = load_block(column, &work, block);
            compress(work.state, work.words, mask);
        }
        finish(&work);
        memcpy(work.iv, work.state, sizeof work.iv);
        store(&work, work.states, LANES);
        for (size_t lane = 0; lane < WIDTH; lane++) {
            memcpy(column->sealed + lane * column->stride, work.states + lane * TAG, IV);
            longest = work.lengths[lane] > longest ? work.lengths[lane] : longest;
        }
        for (uint32_t number = 0; number * TAG + 1 < longest; number++) {
            next_stream(&work, number);
            put(column, &work, number);
        }
        for (size_t lane = 0; lane < WIDTH && first + lane < column->count; lane++) {
            size_t index = work.indices[lane];
            uint8_t *to = column->text + column->places[index];
            memcpy(to, column->heads + index * column->head_size, column->head_size);
            encode(column->sealed + lane * column->stride, work.lengths[lane] + IV - 1, to + column->head_size);
            to += column->head_size + characters_of(work.lengths[lane]);
            memcpy(to, column->tail, column->tail_size);
        }
    }
    wipe(&work, sizeof work);
}

#undef WIDTH
#undef TARGET
#endif
