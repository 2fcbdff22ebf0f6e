// Keeps, beside a directory, what a power failure would leave of it: a library for LD_PRELOAD.
//
//     cc -shared -fPIC -O2 -pthread -o volatile.so volatile.c
//     VOLATILE_DIRECTORY=DIRECTORY VOLATILE_IMAGE=IMAGE [VOLATILE_DELAY=MS] LD_PRELOAD=volatile.so PROGRAM …
//
// The disk takes MS milliseconds longer for each fsync and fdatasync inside DIRECTORY (default 0).
// The program works in DIRECTORY as ever. IMAGE, on the same file system, is made anew when it starts and then holds what is durable:
//
//     names         lines "INODE NAME", names relative to DIRECTORY; replaced as a whole. Missing: the program has not begun
//     content/INODE the file's durable bytes
//     kept/INODE    a link to a file that the program has removed, so that its inode number stays its own
//
// The disk is the worst that fsync(2) allows: nothing is written back but what was asked for.
//   - What is there when the program starts is durable.
//   - Bytes and size of a file become durable by its fsync or fdatasync, or with each write through O_SYNC or O_DSYNC. Somebody who looks
//     while such a call goes on may find a part of it done, as on a disk.
//   - Names, new, changed or removed, by whomever, become durable by the fsync of their directory. The first fsync of a new file does that
//     for its directory too, as the journals of ext4 and xfs do. Directories themselves are durable at once.
//   - SQLite's -shm file is memory, not a file: it is never durable.
// After `kill -9`, power.py turns DIRECTORY into what IMAGE tells, each file in its own inode.
//
// Not seen: raw system calls, io_uring, stdio's streams, other programs' writes. What would be overlooked but can be seen, such as a
// shared mapping for writing, ends the program with a sentence.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 16, BUCKETS = 1 << 10, COMPACT_AT = 1 << 14 };

struct range {
    uint64_t start, end;
};

/// A regular file inside DIRECTORY, or a directory: DIRECTORY itself or one inside. Never freed.
struct file {
    ino_t inode;
    bool is_directory;
    char name[PATH_MAX];     // of a directory: relative to DIRECTORY, "" for itself
    pthread_mutex_t lock;    // of all that follows
    int reader;              // stays open: to close it would drop SQLite's locks on the file
    int content;             // its file in IMAGE/content
    struct range *dirty;     // written since the last sync
    size_t dirty_count, dirty_room;
    struct file *next;
};

struct name {
    ino_t inode;
    char *text;
};

static char root[PATH_MAX], image[PATH_MAX];
static size_t root_length;
static dev_t device;
static bool active;
static struct timespec delay;    // of each sync

static struct file *_Atomic table[DESCRIPTORS];
static _Atomic bool synchronous[DESCRIPTORS];

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;    // of names, and of files, which is taken before a file's own
static struct name *names;
static size_t name_count, name_room;
static struct file *files[BUCKETS];

#define REAL(name)                                                     \
    static __typeof__(name) *real;                                     \
    if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static _Noreturn void fail(const char *what) {
    dprintf(2, "volatile: %s: %s\n", what, strerror(errno));
    abort();
}

static int real_close(int fd) {
    REAL(close);
    return real(fd);
}

static int real_open(const char *path, int flags, mode_t mode) {
    static int (*real)(const char *, int, ...);
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return real(path, flags, mode);
}

static void write_at(int fd, const void *bytes, size_t count, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (real == NULL) real = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    for (size_t done = 0; done < count;) {
        ssize_t n = real(fd, (const char *)bytes + done, count - done, offset + (off_t)done);
        if (n <= 0) fail("the image cannot be written");
        done += (size_t)n;
    }
}

static void set_size(int fd, off_t size) {
    static int (*real)(int, off64_t);
    if (real == NULL) real = (int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64");
    if (real(fd, size) != 0) fail("the image cannot be written");
}

static bool has_suffix(const char *text, const char *suffix) {
    size_t a = strlen(text), b = strlen(suffix);
    return a >= b && strcmp(text + a - b, suffix) == 0;
}

static void image_path(char *path, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(path, PATH_MAX, "%s/", image);
    vsnprintf(path + length, PATH_MAX - (size_t)length, format, arguments);
    va_end(arguments);
}

// --- content -------------------------------------------------------------------------------------------------------------------------

/// Copies what `from` holds of a range into the same place of `to`. A hole in an image is as good as zeros.
static void copy_range(int from, int to, struct range range) {
    static _Thread_local char piece[1 << 16];
    while (range.start < range.end) {
        uint64_t wanted = range.end - range.start < sizeof piece ? range.end - range.start : sizeof piece;
        ssize_t n = pread(from, piece, wanted, (off_t)range.start);
        if (n < 0) fail("a file cannot be read");
        if (n == 0) return;
        write_at(to, piece, (size_t)n, (off_t)range.start);
        range.start += (uint64_t)n;
    }
}

static int open_content(ino_t inode, int flags) {
    char path[PATH_MAX];
    image_path(path, "content/%ju", (uintmax_t)inode);
    return real_open(path, flags | O_CLOEXEC, 0600);
}

/// Makes a file durable that somebody else has written, or that was there from the start.
static void adopt(ino_t inode, const char *path) {
    int from = real_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0), to = open_content(inode, O_RDWR | O_CREAT | O_TRUNC);
    if (from < 0 || to < 0) fail(path);
    copy_range(from, to, (struct range){0, UINT64_MAX});
    real_close(from);
    real_close(to);
}

static int compare_ranges(const void *a, const void *b) {
    uint64_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
    return x < y ? -1 : x > y;
}

static void compact(struct file *file) {
    size_t kept = 0;
    qsort(file->dirty, file->dirty_count, sizeof *file->dirty, compare_ranges);
    for (size_t i = 1; i < file->dirty_count; i++) {
        if (file->dirty[i].start > file->dirty[kept].end) {
            file->dirty[++kept] = file->dirty[i];
        } else if (file->dirty[i].end > file->dirty[kept].end) {
            file->dirty[kept].end = file->dirty[i].end;
        }
    }
    if (file->dirty_count > 0) file->dirty_count = kept + 1;
}

/// Remembers that a range differs from the image.
static void soil(struct file *file, uint64_t start, uint64_t end) {
    struct range *last = file->dirty_count > 0 ? &file->dirty[file->dirty_count - 1] : NULL;
    if (start >= end) return;
    if (last != NULL && start >= last->start && start <= last->end) {
        if (end > last->end) last->end = end;
        return;
    }
    if (file->dirty_count == file->dirty_room) {
        compact(file);
        if (file->dirty_count >= file->dirty_room / 2) {
            file->dirty_room = file->dirty_room == 0 ? COMPACT_AT : 2 * file->dirty_room;
            file->dirty = realloc(file->dirty, file->dirty_room * sizeof *file->dirty);
            if (file->dirty == NULL) fail("memory");
        }
    }
    file->dirty[file->dirty_count++] = (struct range){start, end};
}

/// Makes a file's bytes and size durable.
static void harden(struct file *file) {
    struct stat status, durable;
    if (fstat(file->reader, &status) != 0 || fstat(file->content, &durable) != 0) fail("fstat");
    if (durable.st_size > status.st_size) set_size(file->content, status.st_size);
    compact(file);
    for (size_t i = 0; i < file->dirty_count; i++) {
        struct range range = file->dirty[i];
        if (range.end > (uint64_t)status.st_size) range.end = (uint64_t)status.st_size;
        copy_range(file->reader, file->content, range);
    }
    set_size(file->content, status.st_size);
    file->dirty_count = 0;
}

// --- names ---------------------------------------------------------------------------------------------------------------------------

/// Whether a name stands directly in a directory.
static bool is_in(const char *name, const char *directory) {
    size_t length = strlen(directory);
    if (length > 0 && (strncmp(name, directory, length) != 0 || name[length] != '/')) return false;
    return strchr(name + length + (length > 0), '/') == NULL;
}

static void add_name(ino_t inode, const char *text) {
    if (name_count == name_room) {
        name_room = name_room == 0 ? 64 : 2 * name_room;
        names = realloc(names, name_room * sizeof *names);
        if (names == NULL) fail("memory");
    }
    names[name_count++] = (struct name){inode, strdup(text)};
}

static bool has_name(ino_t inode) {
    for (size_t i = 0; i < name_count; i++)
        if (names[i].inode == inode) return true;
    return false;
}

static void save_names(void) {
    char path[PATH_MAX], new[PATH_MAX], line[PATH_MAX + 32];
    off_t offset = 0;
    image_path(path, "names");
    image_path(new, "names.new");
    int fd = real_open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) fail(new);
    for (size_t i = 0; i < name_count; i++) {
        int length = snprintf(line, sizeof line, "%ju %s\n", (uintmax_t)names[i].inode, names[i].text);
        write_at(fd, line, (size_t)length, offset);
        offset += length;
    }
    real_close(fd);
    if (renameat2(AT_FDCWD, new, AT_FDCWD, path, 0) != 0) fail(path);
}

static bool is_known(ino_t inode) {
    char path[PATH_MAX];
    image_path(path, "content/%ju", (uintmax_t)inode);
    return access(path, F_OK) == 0;
}

/// Makes the names in a directory durable as they are now. `names_lock` is held.
static void harden_names(const char *directory) {
    char path[2 * PATH_MAX], text[PATH_MAX];
    size_t kept = 0;
    snprintf(path, sizeof path, "%s/%s", root, directory);
    DIR *stream = opendir(path);
    if (stream == NULL) return;
    for (size_t i = 0; i < name_count; i++) {
        if (is_in(names[i].text, directory)) free(names[i].text);
        else names[kept++] = names[i];
    }
    name_count = kept;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        struct stat status;
        if (has_suffix(entry->d_name, "-shm")) continue;
        if (fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
        snprintf(text, sizeof text, "%s%s%s", directory, directory[0] ? "/" : "", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", root, text);
        if (!is_known(status.st_ino)) adopt(status.st_ino, path);
        add_name(status.st_ino, text);
    }
    closedir(stream);
    save_names();
}

static void harden_name(int fd, struct file *file) {
    char link[64], path[PATH_MAX];
    pthread_mutex_lock(&names_lock);
    if (!has_name(file->inode)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        char *slash = strrchr(path, '/');
        if (slash != NULL && strncmp(path, root, root_length) == 0) {
            *slash = 0;
            harden_names(path + root_length + (path[root_length] == '/'));
        }
    }
    pthread_mutex_unlock(&names_lock);
}

/// Keeps the file that a name is about to lose.
static void keep(int directory, const char *path) {
    char kept[PATH_MAX];
    struct stat status;
    if (fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_dev != device || !is_known(status.st_ino)) return;
    image_path(kept, "kept/%ju", (uintmax_t)status.st_ino);
    if (linkat(directory, path, AT_FDCWD, kept, 0) != 0 && errno != EEXIST) fail(kept);
}

// --- descriptors ---------------------------------------------------------------------------------------------------------------------

static struct file *file_of(int fd) {
    return fd >= 0 && fd < DESCRIPTORS ? atomic_load_explicit(&table[fd], memory_order_acquire) : NULL;
}

static void set_file(int fd, struct file *file, bool is_synchronous) {
    if (!active || fd < 0) return;
    if (fd >= DESCRIPTORS) {
        if (file != NULL) fail("too many descriptors");
        return;
    }
    atomic_store(&synchronous[fd], is_synchronous);
    atomic_store_explicit(&table[fd], file, memory_order_release);
}

/// The file behind a descriptor, made when it is first seen. `names_lock` is held.
static struct file *make_file(int fd, const char *name, const struct stat *status, bool is_new) {
    struct file **bucket = &files[status->st_ino % BUCKETS];
    for (struct file *file = *bucket; file != NULL; file = file->next)
        if (file->inode == status->st_ino) return file;
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) fail("memory");
    file->inode = status->st_ino;
    file->is_directory = S_ISDIR(status->st_mode);
    snprintf(file->name, sizeof file->name, "%s", name);
    pthread_mutex_init(&file->lock, NULL);
    if (!file->is_directory) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        file->reader = real_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
        if (file->reader < 0) fail("a file cannot be read");
        bool was_known = is_known(file->inode);
        file->content = open_content(file->inode, O_RDWR | O_CREAT | (is_new ? O_TRUNC : 0));
        if (file->content < 0) fail("the image cannot be written");
        if (!was_known && !is_new) copy_range(file->reader, file->content, (struct range){0, UINT64_MAX});
    }
    file->next = *bucket;
    *bucket = file;
    return file;
}

/// Takes note of a descriptor that was opened.
static int opened(int fd, int flags, bool is_new) {
    int error = errno;
    char link[64], path[PATH_MAX];
    struct file *file = NULL;
    struct stat status;
    if (!active || fd < 0) return fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    bool is_inside = strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
    if (is_inside && !has_suffix(path, "-shm") && fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
        pthread_mutex_lock(&names_lock);
        file = make_file(fd, path + root_length + (path[root_length] == '/'), &status, is_new);
        pthread_mutex_unlock(&names_lock);
    }
    if (file != NULL && (flags & O_TRUNC)) {
        pthread_mutex_lock(&file->lock);
        soil(file, 0, UINT64_MAX);
        pthread_mutex_unlock(&file->lock);
    }
    set_file(fd, file, (flags & O_DSYNC) != 0);  // O_SYNC includes its bit
    errno = error;
    return fd;
}

static bool is_missing(int directory, const char *path, int flags) {
    struct stat status;
    return active && (flags & O_CREAT) && fstatat(directory, path, &status, 0) != 0;
}

#define MODE(flags)                                     \
    mode_t mode = 0;                                    \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
        va_list arguments;                              \
        va_start(arguments, flags);                     \
        mode = va_arg(arguments, mode_t);               \
        va_end(arguments);                              \
    }

#define OPEN(name)                                                \
    int name(const char *path, int flags, ...) {                  \
        REAL(name);                                               \
        MODE(flags)                                               \
        bool is_new = is_missing(AT_FDCWD, path, flags);          \
        return opened(real(path, flags, mode), flags, is_new);    \
    }

#define OPENAT(name)                                                         \
    int name(int directory, const char *path, int flags, ...) {              \
        REAL(name);                                                          \
        MODE(flags)                                                          \
        bool is_new = is_missing(directory, path, flags);                    \
        return opened(real(directory, path, flags, mode), flags, is_new);    \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

// What open becomes under _FORTIFY_SOURCE.
int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }
int __openat_2(int directory, const char *path, int flags) { return openat(directory, path, flags); }
int __openat64_2(int directory, const char *path, int flags) { return openat64(directory, path, flags); }

int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    set_file(fd, NULL, false);  // first: the number may be somebody else's the moment it is closed
    return real_close(fd);
}

static int duplicated(int from, int to) {
    if (to >= 0) set_file(to, file_of(from), from < DESCRIPTORS && atomic_load(&synchronous[from]));
    return to;
}

int dup(int fd) {
    REAL(dup);
    return duplicated(fd, real(fd));
}

int dup2(int fd, int to) {
    REAL(dup2);
    if (fd != to) set_file(to, NULL, false);
    return duplicated(fd, real(fd, to));
}

int dup3(int fd, int to, int flags) {
    REAL(dup3);
    set_file(to, NULL, false);
    return duplicated(fd, real(fd, to, flags));
}

#define FCNTL(name)                                                     \
    int name(int fd, int command, ...) {                                \
        REAL(name);                                                     \
        va_list arguments;                                              \
        va_start(arguments, command);                                   \
        void *argument = va_arg(arguments, void *);                     \
        va_end(arguments);                                              \
        int result = real(fd, command, argument);                       \
        bool is_dup = command == F_DUPFD || command == F_DUPFD_CLOEXEC; \
        return is_dup ? duplicated(fd, result) : result;                \
    }

FCNTL(fcntl)
FCNTL(fcntl64)

// --- writes --------------------------------------------------------------------------------------------------------------------------

/// After a write of `count` bytes that end at `end`.
static void written(int fd, struct file *file, ssize_t count, off_t end) {
    if (count > 0) soil(file, (uint64_t)(end - count), (uint64_t)end);
    if (count > 0 && atomic_load(&synchronous[fd])) harden(file);
}

/// A write at the descriptor's own position, which for O_APPEND is the end.
#define SEQUENTIAL(call)                                                           \
    struct file *file = file_of(fd);                                               \
    if (file == NULL || file->is_directory) return real call;                      \
    pthread_mutex_lock(&file->lock);                                               \
    ssize_t done = real call;                                                      \
    int error = errno;                                                             \
    written(fd, file, done, done > 0 ? lseek(fd, 0, SEEK_CUR) : 0);                \
    pthread_mutex_unlock(&file->lock);                                             \
    errno = error;                                                                 \
    return done

/// A write at an offset; with O_APPEND Linux appends all the same.
#define POSITIONED(call)                                                           \
    struct file *file = file_of(fd);                                               \
    if (file == NULL || file->is_directory) return real call;                      \
    struct stat before = {0};                                                      \
    pthread_mutex_lock(&file->lock);                                               \
    fstat(file->reader, &before);                                                  \
    ssize_t done = real call;                                                      \
    int error = errno;                                                             \
    off_t start = fcntl(fd, F_GETFL) & O_APPEND ? before.st_size : offset;         \
    written(fd, file, done, done > 0 ? start + done : 0);                          \
    pthread_mutex_unlock(&file->lock);                                             \
    errno = error;                                                                 \
    return done

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    SEQUENTIAL((fd, bytes, count));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    SEQUENTIAL((fd, parts, count));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(pwrite);
    POSITIONED((fd, bytes, count, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    REAL(pwrite64);
    POSITIONED((fd, bytes, count, offset));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(pwritev);
    POSITIONED((fd, parts, count, offset));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    REAL(pwritev64);
    POSITIONED((fd, parts, count, offset));
}

/// A change of size: what stands behind the smaller of both sizes differs from the image, or may do so later.
#define RESIZING(call, from)                                                       \
    struct file *file = file_of(fd);                                               \
    if (file == NULL || file->is_directory) return real call;                      \
    pthread_mutex_lock(&file->lock);                                               \
    int result = real call;                                                        \
    int error = errno;                                                             \
    if (result == 0) {                                                             \
        soil(file, (uint64_t)(from), UINT64_MAX);                                  \
        if (atomic_load(&synchronous[fd])) harden(file);                           \
    }                                                                              \
    pthread_mutex_unlock(&file->lock);                                             \
    errno = error;                                                                 \
    return result

static off_t size_of(struct file *file) {
    struct stat status = {0};
    fstat(file->content, &status);
    return status.st_size;
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    RESIZING((fd, size), size < size_of(file) ? size : size_of(file));
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    RESIZING((fd, size), size < size_of(file) ? size : size_of(file));
}
int fallocate(int fd, int mode, off_t offset, off_t count) {
    REAL(fallocate);
    RESIZING((fd, mode, offset, count), offset);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t count) {
    REAL(fallocate64);
    RESIZING((fd, mode, offset, count), offset);
}
int posix_fallocate(int fd, off_t offset, off_t count) {
    REAL(posix_fallocate);
    RESIZING((fd, offset, count), offset);
}
int posix_fallocate64(int fd, off64_t offset, off64_t count) {
    REAL(posix_fallocate64);
    RESIZING((fd, offset, count), offset);
}

// --- syncs ---------------------------------------------------------------------------------------------------------------------------

/// The file's writers wait meanwhile, so that exactly what was written before becomes durable.
#define SYNC(call)                                                                 \
    struct file *file = file_of(fd);                                               \
    if (file == NULL) return real call;                                            \
    nanosleep(&delay, NULL);                                                       \
    pthread_mutex_lock(&file->lock);                                               \
    int result = real call;                                                        \
    int error = errno;                                                             \
    if (result == 0 && !file->is_directory) harden(file);                          \
    pthread_mutex_unlock(&file->lock);                                             \
    if (result == 0 && !file->is_directory) harden_name(fd, file);                 \
    if (result == 0 && file->is_directory) {                                       \
        pthread_mutex_lock(&names_lock);                                           \
        harden_names(file->name);                                                  \
        pthread_mutex_unlock(&names_lock);                                         \
    }                                                                              \
    errno = error;                                                                 \
    return result

int fsync(int fd) {
    REAL(fsync);
    SYNC((fd));
}
int fdatasync(int fd) {
    REAL(fdatasync);
    SYNC((fd));
}

// --- names that go -------------------------------------------------------------------------------------------------------------------

int unlink(const char *path) {
    REAL(unlink);
    if (active) keep(AT_FDCWD, path);
    return real(path);
}
int unlinkat(int directory, const char *path, int flags) {
    REAL(unlinkat);
    if (active && !(flags & AT_REMOVEDIR)) keep(directory, path);
    return real(directory, path, flags);
}
int remove(const char *path) {
    REAL(remove);
    if (active) keep(AT_FDCWD, path);
    return real(path);
}
int rename(const char *old, const char *new) {
    REAL(rename);
    if (active) keep(AT_FDCWD, new);
    return real(old, new);
}
int renameat(int from, const char *old, int to, const char *new) {
    REAL(renameat);
    if (active) keep(to, new);
    return real(from, old, to, new);
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    REAL(renameat2);
    if (active) keep(to, new);
    return real(from, old, to, new, flags);
}

// --- what would be overlooked --------------------------------------------------------------------------------------------------------

static void forbid(int fd, const char *what) {
    if (file_of(fd) == NULL) return;
    errno = ENOTSUP;
    fail(what);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    REAL(mmap);
    if ((protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) forbid(fd, "a file is mapped for writing");
    return real(address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    REAL(mmap64);
    if ((protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) forbid(fd, "a file is mapped for writing");
    return real(address, length, protection, flags, fd, offset);
}
ssize_t sendfile(int fd, int from, off_t *offset, size_t count) {
    REAL(sendfile);
    forbid(fd, "sendfile writes a file");
    return real(fd, from, offset, count);
}
ssize_t sendfile64(int fd, int from, off64_t *offset, size_t count) {
    REAL(sendfile64);
    forbid(fd, "sendfile writes a file");
    return real(fd, from, offset, count);
}
ssize_t copy_file_range(int from, off64_t *from_offset, int fd, off64_t *offset, size_t count, unsigned flags) {
    REAL(copy_file_range);
    forbid(fd, "copy_file_range writes a file");
    return real(from, from_offset, fd, offset, count, flags);
}
int truncate(const char *path, off_t size) {
    REAL(truncate);
    struct stat status;
    if (active && stat(path, &status) == 0 && status.st_dev == device && is_known(status.st_ino)) {
        errno = ENOTSUP;
        fail("a file is truncated by its name");
    }
    return real(path, size);
}

// --- start ---------------------------------------------------------------------------------------------------------------------------

static int discard(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind;
    if (walk->level > 0 && unlinkat(AT_FDCWD, path, kind == FTW_DP ? AT_REMOVEDIR : 0) != 0) fail(path);
    return 0;
}

static int take_over(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)walk;
    if (kind != FTW_F || !S_ISREG(status->st_mode) || has_suffix(path, "-shm")) return 0;
    adopt(status->st_ino, path);
    add_name(status->st_ino, path + root_length + 1);
    return 0;
}

__attribute__((constructor)) static void start(void) {
    char path[PATH_MAX];
    struct stat status, other;
    const char *directory = getenv("VOLATILE_DIRECTORY"), *beside = getenv("VOLATILE_IMAGE");
    if (directory == NULL || beside == NULL) return;
    if (realpath(directory, root) == NULL || stat(root, &status) != 0) fail(directory);
    if (realpath(beside, image) == NULL || stat(image, &other) != 0) fail(beside);
    if (status.st_dev != other.st_dev || strncmp(image, root, strlen(root)) == 0) {
        errno = EXDEV;
        fail("the image must be on the directory's file system, and not inside");
    }
    root_length = strlen(root);
    device = status.st_dev;
    image_path(path, "names");
    if (unlink(path) != 0 && errno != ENOENT) fail(path);
    nftw(image, discard, 16, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; i < 2; i++) {
        image_path(path, i == 0 ? "content" : "kept");
        if (mkdir(path, 0700) != 0) fail(path);
    }
    nftw(root, take_over, 16, FTW_PHYS);
    save_names();
    const char *milliseconds = getenv("VOLATILE_DELAY");
    long wanted = milliseconds == NULL ? 0 : atol(milliseconds);
    delay = (struct timespec){wanted / 1000, wanted % 1000 * 1000000};
    active = true;
}
