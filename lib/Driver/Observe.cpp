// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recording of a run, and its tables.
#include "prec/Driver/Observe.h"
#include "prec/Analysis/TextTable.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::prec;

/// Lines of a table, and those that a table of buffers shows.
static constexpr size_t kColumns = 100, kMostBuffers = 10;
/// Events of a trace file: some 200 MB of text.
static constexpr size_t kMostEvents = 1'000'000;

struct Observation::State {
  explicit State(const ObserveOptions &options)
      : options(options),
        isTrace(StringRef(options.profileFile).ends_with(".json")),
        profile(isTrace ? kMostEvents : 0) {}

  ObserveOptions options;
  bool isTrace;
  std::optional<AtomicFile> file;
  Profile profile;
  LiveBuffers buffers;
  std::optional<Profile::Recording> recordingOfProfile;
  std::optional<LiveBuffers::Recording> recordingOfBuffers;
};

static std::string percent(double part, double whole) {
  if (whole <= 0)
    return "";
  return llvm::formatv("{0:f1}%", 100 * part / whole).str();
}

static double flopsOf(const MachinePeak &peak, unsigned bits) {
  return bits == 64 ? peak.flops64 : peak.flops32;
}

/// A kernel's line: what is not known or has no meaning is left out.
static std::vector<std::string> lineOf(const Profile::Kernel &kernel,
                                       double all, const MachinePeak &peak) {
  bool hasFlops = kernel.knowsFlops && kernel.flops > 0;
  double rate = kernel.seconds > 0 ? kernel.flops / kernel.seconds : 0;
  double bytes = kernel.seconds > 0 ? kernel.bytes / kernel.seconds : 0;
  auto number = [&](const char *format, double value) {
    return llvm::formatv(format, value).str();
  };
  return {kernel.name,
          std::to_string(kernel.calls),
          number("{0:f6}", kernel.seconds),
          percent(kernel.seconds, all),
          hasFlops ? number("{0:f3}", kernel.flops / double(kernel.calls) / 1e6)
                   : "",
          hasFlops ? number("{0:f1}", rate / 1e9) : "",
          hasFlops ? percent(rate, flopsOf(peak, kernel.bits)) : "",
          kernel.bytes > 0 ? percent(bytes, peak.bytes) : ""};
}

std::string mlir::prec::profileTable(const Profile &profile,
                                     const MachinePeak &peak) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const Profile::Entry &entry : profile.entries()) {
    std::vector<const Profile::Kernel *> kernels;
    double inKernels = 0;
    for (const Profile::Kernel &kernel : profile.kernels())
      if (kernel.entry == entry.name) {
        kernels.push_back(&kernel);
        inKernels += kernel.seconds;
      }
    llvm::sort(kernels, [](const auto *a, const auto *b) {
      return std::tie(b->seconds, a->name) < std::tie(a->seconds, b->name);
    });
    os << llvm::formatv("@{0}: {1} calls, {2:f6} seconds\n", entry.name,
                        entry.calls, entry.seconds);
    TextTable table;
    table.firstNumber = 1;
    table.maxWidth = kColumns;
    table.lines = {{"kernel", "calls", "seconds", "share", "Mflop", "GF/s",
                    "peak", "memory"}};
    for (const Profile::Kernel *kernel : kernels)
      table.lines.push_back(lineOf(*kernel, entry.seconds, peak));
    double between = std::max(0.0, entry.seconds - inKernels);
    table.lines.push_back({"between kernels", "",
                           llvm::formatv("{0:f6}", between).str(),
                           percent(between, entry.seconds), "", "", "", ""});
    table.print(os);
    os << '\n';
  }
  os << llvm::formatv(
      "Mflop: floating-point operations of a call, roundings apart; peak: "
      "share of {0:f1} GF/s (f32)\nand {1:f1} GF/s (f64), {2} bits wide on {3} "
      "thread{4}; memory: operands, share of a copy's {5:f1} GB/s\n",
      peak.flops32 / 1e9, peak.flops64 / 1e9, peak.vectorBits, peak.threads,
      peak.threads == 1 ? "" : "s", peak.bytes / 1e9);
  return text;
}

std::string mlir::prec::profileTrace(const Profile &profile,
                                     const MachinePeak &peak) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  auto micro = [](double seconds) { return std::round(1e9 * seconds) / 1e3; };
  auto writeEvent = [&](const Profile::Event &event) {
    bool isEntry = event.kernel < 0;
    const std::string &entry = profile.entries()[event.entry].name;
    const Profile::Kernel *kernel =
        isEntry ? nullptr : &profile.kernels()[size_t(event.kernel)];
    json.object([&] {
      json.attribute("name", isEntry ? "@" + entry : kernel->name);
      json.attribute("cat", isEntry ? "entry" : "kernel");
      json.attribute("ph", "X");
      json.attribute("ts", micro(event.start));
      json.attribute("dur", micro(event.seconds));
      json.attribute("pid", 1);
      json.attribute("tid", 1);
      if (isEntry)
        return;
      json.attributeObject("args", [&] {
        json.attribute("entry", entry);
        json.attribute("bytes", int64_t(event.bytes));
        if (event.flops < 0)
          return;
        json.attribute("flops", int64_t(event.flops));
        if (event.seconds > 0) {
          double rate = event.flops / event.seconds;
          json.attribute("GF/s", rate / 1e9);
          json.attribute("peak", rate / flopsOf(peak, kernel->bits));
        }
      });
    });
  };
  json.object([&] {
    json.attribute("displayTimeUnit", "ms");
    json.attributeObject("otherData", [&] {
      json.attribute("peak GF/s, f32", peak.flops32 / 1e9);
      json.attribute("peak GF/s, f64", peak.flops64 / 1e9);
      json.attribute("copy GB/s", peak.bytes / 1e9);
      json.attribute("threads", int64_t(peak.threads));
      json.attribute("lost events", int64_t(profile.lostEvents()));
    });
    json.attributeArray("traceEvents", [&] {
      for (const Profile::Event &event : profile.events())
        writeEvent(event);
    });
  });
  return text + "\n";
}

std::string mlir::prec::memoryTable(const LiveBuffers &buffers) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const LiveBuffers::Entry &entry : buffers.entries()) {
    os << llvm::formatv(
        "@{0}: {1} bytes of buffers at the peak, {2} of arguments, {3} of "
        "results\n",
        entry.name, entry.peakBytes, entry.argumentBytes, entry.resultBytes);
    if (entry.atPeak.empty())
      continue;
    TextTable table;
    table.maxWidth = kColumns;
    table.lines = {{"live at the peak", "shape", "bytes", "share"}};
    table.firstNumber = 2;
    size_t shown = std::min(entry.atPeak.size(), kMostBuffers);
    for (const LiveBuffers::Buffer &buffer :
         ArrayRef(entry.atPeak).take_front(shown))
      table.lines.push_back(
          {buffer.owner, buffer.shape, std::to_string(buffer.bytes),
           percent(double(buffer.bytes), double(entry.peakBytes))});
    if (size_t others = entry.atPeak.size() - shown) {
      uint64_t bytes = 0;
      for (const LiveBuffers::Buffer &buffer :
           ArrayRef(entry.atPeak).drop_front(shown))
        bytes += buffer.bytes;
      table.lines.push_back({llvm::formatv("{0} others", others).str(), "",
                             std::to_string(bytes),
                             percent(double(bytes), double(entry.peakBytes))});
    }
    table.print(os);
  }
  return text;
}

llvm::Expected<Observation> Observation::begin(const ObserveOptions &options) {
  auto state = std::make_shared<State>(options);
  if (options.profile && !options.profileFile.empty()) {
    llvm::Expected<AtomicFile> file = AtomicFile::create(options.profileFile);
    if (!file)
      return file.takeError();
    state->file.emplace(std::move(*file));
  }
  if (options.profile)
    state->recordingOfProfile.emplace(state->profile);
  if (options.memory)
    state->recordingOfBuffers.emplace(state->buffers);
  return Observation(std::move(state));
}

llvm::Error Observation::finish(const EngineOptions &engine, raw_ostream &os) {
  state->recordingOfProfile.reset();
  state->recordingOfBuffers.reset();
  if (state->options.memory)
    os << memoryTable(state->buffers);
  if (!state->options.profile)
    return llvm::Error::success();
  llvm::Expected<MachinePeak> peak = measurePeak(engine);
  if (!peak)
    return peak.takeError();
  std::string text = state->isTrace ? profileTrace(state->profile, *peak)
                                    : profileTable(state->profile, *peak);
  if (!state->file) {
    os << text;
    return llvm::Error::success();
  }
  if (llvm::Error error = state->file->write(text))
    return error;
  return state->file->commit();
}
