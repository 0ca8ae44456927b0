/* The CUDA runtime's memory, streams, events, graphs and kernel launches. */
#include "tests/nn/simulated_cuda/runtime.h"
#include "tests/nn/simulated_cuda/device.h"

#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <ucontext.h>
#include <utility>
#include <vector>

typedef std::vector<std::function<void()>> work_list;

struct CUstream_st {
    int device;
    work_list pending;
    bool capturing = false, invalidated = false;
    work_list captured;
};

struct CUevent_st {
    cudaStream_t stream = nullptr; /* where it was recorded last */
};

struct CUgraph_st {
    work_list work;
};

struct CUgraphExec_st {
    work_list work;
};

void simulated_misuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)std::vfprintf(stderr, format, arguments);
    (void)std::fprintf(stderr, "\n");
    va_end(arguments);
    std::abort();
}

/* ---- errors: the last one is kept per thread until it is asked for ---- */

static thread_local cudaError_t last_error = cudaSuccess;

static cudaError_t answer(cudaError_t status)
{
    if (status != cudaSuccess) last_error = status;
    return status;
}

cudaError_t cudaGetLastError()
{
    return std::exchange(last_error, cudaSuccess);
}

const char *cudaGetErrorName(cudaError_t status)
{
    return status == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}

const char *cudaGetErrorString(cudaError_t)
{
    return "simulated";
}

/* ---- devices ---- */

enum { DEVICES = 4 };

static thread_local int current_device;

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = DEVICES;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device)
{
    if (device >= DEVICES) return answer(cudaErrorInvalidDevice);
    *value = attribute == cudaDevAttrComputeCapabilityMajor ? 9 : 0;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    if (device >= DEVICES) return answer(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

/* ---- streams and graphs ---- */

static std::mutex streams_lock;
static std::vector<cudaStream_t> streams;
static thread_local cudaStream_t capturing; /* on this thread, or NULL */

void simulated_queue(cudaStream_t stream, std::function<void()> work)
{
    (stream->capturing ? stream->captured : stream->pending).push_back(std::move(work));
}

static void drain(cudaStream_t stream)
{
    work_list work = std::exchange(stream->pending, {});
    for (const std::function<void()> &item : work) item();
}

/* Calls that wait, or that allocate, are not allowed while this thread captures: they break the capture. */
static cudaError_t not_in_capture()
{
    if (!capturing) return cudaSuccess;
    capturing->invalidated = true;
    return answer(cudaErrorStreamCaptureUnsupported);
}

/* The streams of the current device. */
static cudaError_t drain_all()
{
    cudaError_t status = not_in_capture();
    std::lock_guard<std::mutex> guard(streams_lock);
    for (cudaStream_t stream : streams)
        if (status == cudaSuccess && stream->device == current_device) drain(stream);
    return status;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    std::lock_guard<std::mutex> guard(streams_lock);
    *stream = new CUstream_st{.device = current_device};
    streams.push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    drain(stream);
    std::lock_guard<std::mutex> guard(streams_lock);
    std::erase(streams, stream);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    cudaError_t status = not_in_capture();
    if (status == cudaSuccess) drain(stream);
    return status;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    if (stream->capturing) return answer(cudaErrorIllegalState);
    stream->capturing = true;
    stream->invalidated = false;
    capturing = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = nullptr;
    work_list work = std::exchange(stream->captured, {});
    if (!stream->capturing) return answer(cudaErrorIllegalState);
    stream->capturing = false;
    capturing = nullptr;
    if (stream->invalidated) return answer(cudaErrorStreamCaptureInvalidated);
    *graph = new CUgraph_st{std::move(work)};
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long)
{
    *executable = new CUgraphExec_st{graph->work};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream)
{
    for (const std::function<void()> &item : executable->work) simulated_queue(stream, item);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}

/* What was launched holds its own copies. */
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable)
{
    delete executable;
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    *event = new CUevent_st;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    event->stream = stream;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    cudaError_t status = not_in_capture();
    if (status == cudaSuccess && event->stream) drain(event->stream);
    return status;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    return cudaSuccess;
}

/* ---- memory: fresh memory is NaN ---- */

static std::map<void *, size_t> device_memory, pinned_memory;

static cudaError_t take(std::map<void *, size_t> &all, void **memory, size_t bytes)
{
    enum { ALIGNMENT = 256 };
    cudaError_t status = not_in_capture();
    if (status != cudaSuccess) return status;
    *memory = std::aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    if (!*memory) return answer(cudaErrorMemoryAllocation);
    std::memset(*memory, 0xFF, bytes);
    std::lock_guard<std::mutex> guard(streams_lock);
    all[*memory] = bytes;
    return cudaSuccess;
}

static cudaError_t give(std::map<void *, size_t> &all, void *memory)
{
    if (!memory) return cudaSuccess;
    cudaError_t status = drain_all(); /* what is queued may still use it */
    if (status != cudaSuccess) return status;
    std::lock_guard<std::mutex> guard(streams_lock);
    if (!all.erase(memory)) return answer(cudaErrorInvalidValue);
    std::free(memory);
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    return take(device_memory, memory, bytes);
}

cudaError_t cudaFree(void *memory)
{
    return give(device_memory, memory);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    return take(pinned_memory, memory, bytes);
}

cudaError_t cudaFreeHost(void *memory)
{
    return give(pinned_memory, memory);
}

static bool inside(const std::map<void *, size_t> &all, const void *memory, size_t bytes)
{
    std::lock_guard<std::mutex> guard(streams_lock);
    auto next = all.upper_bound(const_cast<void *>(memory));
    if (next == all.begin()) return false;
    const auto &[start, length] = *std::prev(next);
    size_t offset = static_cast<size_t>(static_cast<const char *>(memory) - static_cast<char *>(start));
    return offset + bytes <= length;
}

void simulated_expect_device(const void *memory, size_t bytes, const char *what)
{
    if (!inside(device_memory, memory, bytes))
        simulated_misuse("%s: %zu bytes at %p are not in the device's memory", what, bytes, memory);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    simulated_expect_device(memory, bytes, "cudaMemsetAsync");
    simulated_queue(stream, [=] { std::memset(memory, value, bytes); });
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    if (kind != cudaMemcpyDeviceToHost) simulated_expect_device(to, bytes, "cudaMemcpyAsync to");
    if (kind != cudaMemcpyHostToDevice) simulated_expect_device(from, bytes, "cudaMemcpyAsync from");
    if (kind == cudaMemcpyDeviceToDevice && static_cast<char *>(to) + bytes > from &&
        to < static_cast<const char *>(from) + bytes)
        simulated_misuse("cudaMemcpyAsync between %zu bytes that overlap", bytes);
    bool pageable = kind == cudaMemcpyHostToDevice
                        ? !inside(pinned_memory, from, bytes)
                        : kind == cudaMemcpyDeviceToHost && !inside(pinned_memory, to, bytes);
    if (pageable && not_in_capture() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    if (pageable && kind == cudaMemcpyHostToDevice) { /* is read before the call returns */
        std::vector<char> copy(static_cast<const char *>(from), static_cast<const char *>(from) + bytes);
        simulated_queue(stream, [=] { std::memcpy(to, copy.data(), bytes); });
    } else {
        simulated_queue(stream, [=] { std::memcpy(to, from, bytes); });
    }
    return cudaSuccess;
}

/* ---- kernels: each thread of a block is a coroutine that runs up to the next __syncthreads ---- */

__thread uint3 threadIdx, blockIdx;
__thread dim3 blockDim, gridDim;

enum { STACK_BYTES = 128 << 10, MOST_THREADS = 1024 };

/* AddressSanitizer wants to know which stack is in use. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#else
static void __sanitizer_start_switch_fiber(void **, const void *, size_t)
{
}

static void __sanitizer_finish_switch_fiber(void *, const void **, size_t *)
{
}
#endif

/* So does valgrind. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) ((void)0)
#endif

/* Where control stops and goes on, and the sanitizer's record of it. */
struct halt {
    jmp_buf here;
    void *record = nullptr;
};

/* Lives on from block to block. Its stack comes from makecontext; from then on control passes by setjmp and
 * longjmp, which ask nothing of the system. */
struct coroutine {
    halt at;
    std::unique_ptr<char[]> stack;
    bool done; /* with the block */
};

static thread_local std::vector<coroutine> coroutines(MOST_THREADS);
static thread_local halt scheduler;
static thread_local const void *scheduler_stack;
static thread_local size_t scheduler_bytes;
static thread_local unsigned current;
static thread_local bool alone; /* threads run without a stack of their own, since the kernel never waits */
static thread_local bool waited;
static thread_local const std::function<void()> *kernel_body;

/* From a coroutine to the scheduler, and back when it is entered again. */
static void leave()
{
    coroutine &c = coroutines[current];
    __sanitizer_start_switch_fiber(&c.at.record, scheduler_stack, scheduler_bytes);
    if (!_setjmp(c.at.here)) _longjmp(scheduler.here, 1);
    __sanitizer_finish_switch_fiber(coroutines[current].at.record, &scheduler_stack, &scheduler_bytes);
}

void __syncthreads()
{
    if (alone) simulated_misuse("a kernel waits now that did not wait before");
    waited = true;
    leave();
}

int __syncthreads_or(int mine)
{
    static thread_local int any;
    any = 0;
    __syncthreads();
    if (mine) any = 1;
    __syncthreads();
    int found = any;
    __syncthreads(); /* before the next call clears it */
    return found;
}

static void coroutine_main()
{
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_bytes);
    for (;;) {
        (*kernel_body)();
        coroutines[current].done = true;
        leave();
    }
}

static void start(coroutine &c)
{
    static thread_local ucontext_t fresh, old;
    (void)getcontext(&fresh);
    fresh.uc_stack.ss_sp = c.stack.get();
    fresh.uc_stack.ss_size = STACK_BYTES;
    fresh.uc_link = nullptr;
    makecontext(&fresh, coroutine_main, 0);
    (void)swapcontext(&old, &fresh);
}

/* Runs the current thread until it waits or is done. */
static void enter()
{
    coroutine &c = coroutines[current];
    bool is_new = !c.stack;
    if (is_new) {
        c.stack = std::make_unique<char[]>(STACK_BYTES);
        (void)VALGRIND_STACK_REGISTER(c.stack.get(), c.stack.get() + STACK_BYTES - 1);
    }
    __sanitizer_start_switch_fiber(&scheduler.record, c.stack.get(), STACK_BYTES);
    if (!_setjmp(scheduler.here)) {
        if (is_new) start(c);
        _longjmp(c.at.here, 1);
    }
    __sanitizer_finish_switch_fiber(scheduler.record, nullptr, nullptr);
}

static uint3 place_of(unsigned index, dim3 size)
{
    return uint3{index % size.x, index / size.x % size.y, index / size.x / size.y};
}

/* The order of threads and blocks is turned round from launch to launch: what depends on it will differ. */
static void run_together(unsigned threads, bool backwards)
{
    for (unsigned k = 0; k < threads; k++) coroutines[k].done = false;
    for (unsigned left = threads; left > 0;) {
        left = threads;
        for (unsigned k = 0; k < threads; k++) {
            current = backwards ? threads - 1 - k : k;
            threadIdx = place_of(current, blockDim);
            if (!coroutines[current].done) enter();
            left -= coroutines[current].done;
        }
        if (left > 0 && left < threads)
            simulated_misuse("some threads of a block wait, and others have ended");
    }
}

static void run_alone(unsigned threads, bool backwards)
{
    alone = true;
    for (unsigned k = 0; k < threads; k++) {
        threadIdx = place_of(backwards ? threads - 1 - k : k, blockDim);
        (*kernel_body)();
    }
    alone = false;
}

static void run_kernel(const void *kernel, dim3 grid, dim3 block, const std::function<void()> &body)
{
    static thread_local std::map<const void *, bool> waits; /* does it call __syncthreads? */
    static thread_local unsigned launches;
    bool backwards = launches++ % 2;
    unsigned blocks = grid.x * grid.y * grid.z, threads = block.x * block.y * block.z;
    gridDim = grid;
    blockDim = block;
    kernel_body = &body;
    for (unsigned k = 0; k < blocks; k++) {
        blockIdx = place_of(backwards ? blocks - 1 - k : k, grid);
        auto known = waits.find(kernel);
        if (known != waits.end() && !known->second) {
            run_alone(threads, backwards);
            continue;
        }
        waited = false;
        run_together(threads, backwards);
        waits[kernel] = waited;
    }
}

void simulated_launch(cudaStream_t stream, const void *kernel, dim3 grid, dim3 block,
                      std::function<void()> body)
{
    enum { MOST_ACROSS = 0x7FFFFFFF, MOST_DOWN = 65535 };
    unsigned threads = block.x * block.y * block.z;
    bool fits = grid.x > 0 && grid.x <= MOST_ACROSS && grid.y > 0 && grid.y <= MOST_DOWN && grid.z == 1 &&
                threads > 0 && threads <= MOST_THREADS;
    if (!fits)
        (void)answer(cudaErrorInvalidConfiguration);
    else
        simulated_queue(stream, [=] { run_kernel(kernel, grid, block, body); });
}
