// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files to arguments, results to files, and their text.
#include "prec/Execution/Run.h"
#include "Expect.h"
#include "prec/Execution/Npy.h"
#include "prec/Execution/Npz.h"

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

namespace {

ValueInfo number(const char *name, ValueKind kind = ValueKind::Scalar) {
  return {name, kind, DType::F32, {}, ""};
}

/// @f(x, w, b, m) -> (y, z), m a memref.
const Signature kSignature{
    "f",
    {number("x"), number("w"), number("b"), number("m", ValueKind::Memref)},
    {number("y"), number("z")},
    {}};

class Run : public testing::Test {
protected:
  std::string file(float value) {
    std::string path = folder / (std::to_string(int(value)) + ".npy");
    EXPECT_EQ(messageOf(writeNpy(path, Tensor::scalar(value))), "success");
    return path;
  }
  /// The values of the arguments, or the error.
  std::string arguments(std::vector<std::string> inputs,
                        llvm::StringRef weights = "") {
    std::vector<NamedFile> files;
    for (const std::string &input : inputs)
      files.push_back(NamedFile::parse(input));
    auto tensors = readArguments(kSignature, files, weights);
    if (!tensors)
      return llvm::toString(tensors.takeError());
    std::string text;
    for (const Tensor &tensor : *tensors)
      text += std::to_string(int(tensor.span<float>()[0]));
    return text;
  }
  TemporaryFolder folder;
};

TEST_F(Run, ArgumentsByPositionNameAndArchive) {
  std::string one = file(1), two = file(2), three = file(3), four = file(4);
  EXPECT_EQ(arguments({one, two, three, four}), "1234");
  EXPECT_EQ(arguments({one, "b=" + three, two, "w=" + four}), "1432");
  std::string weights = folder / "w.npz";
  Tensor w = Tensor::scalar(7.0f), b = Tensor::scalar(8.0f);
  ASSERT_EQ(messageOf(writeNpz(weights, {{"w", &w}, {"b", &b}})), "success");
  EXPECT_EQ(arguments({one, two}, weights), "1782");
  EXPECT_EQ(arguments({one, two, "w=" + four}, weights), "1482");
  EXPECT_THAT(arguments({one}, weights),
              HasSubstr("no file for argument 3 'm' of @f, expected f32"));
  EXPECT_THAT(arguments({one, two, three}, weights),
              HasSubstr("3.npy' is one file too many: @f has 4 arguments"));
  EXPECT_THAT(
      arguments({"v=" + one}),
      HasSubstr("no argument of @f named 'v', expected one of x, w, b"));
  EXPECT_THAT(arguments({"x=" + one, "x=" + two}), HasSubstr("two files"));
  ASSERT_EQ(messageOf(writeNpz(weights, {{"q", &w}})), "success");
  EXPECT_THAT(arguments({one}, weights),
              HasSubstr("w.npz': no argument of @f named 'q'"));
}

TEST_F(Run, PathsMayHoldAnEqualsSign) {
  NamedFile plain = NamedFile::parse("./a=b.npy");
  EXPECT_EQ(plain.name, "");
  EXPECT_EQ(plain.path, "./a=b.npy");
  EXPECT_EQ(NamedFile::parse("x=-").path, "-");
}

TEST_F(Run, OutputsToFilesOrText) {
  std::vector<Tensor> results, inputs;
  for (float value : {5.0f, 6.0f})
    results.push_back(Tensor::scalar(value));
  for (float value : {1.0f, 2.0f, 3.0f, 4.0f})
    inputs.push_back(Tensor::scalar(value));
  std::string printed;
  llvm::raw_string_ostream out(printed);
  auto write = [&](std::vector<NamedFile> files) {
    return messageOf(writeOutputs(kSignature, results, inputs, files, out));
  };
  EXPECT_EQ(write({}), "success");
  EXPECT_EQ(printed, "y : f32\n5\nz : f32\n6\nm : f32\n4\n");
  std::string a = folder / "a.npy", b = folder / "b.npy";
  EXPECT_EQ(write({{"m", a}, {"", b}}), "success");
  EXPECT_EQ(valueOf(readNpy(a)).span<float>()[0], 4);
  EXPECT_EQ(valueOf(readNpy(b)).span<float>()[0], 5);
  EXPECT_THAT(write({{"w", a}}),
              HasSubstr("no output of @f named 'w', expected one of y, z, m"));
  EXPECT_THAT(write({{"", a}, {"", a}, {"", a}, {"", b}}),
              HasSubstr("b.npy' is one file too many: @f has 3 outputs"));
}

TEST_F(Run, ElementsReadBack) {
  std::string text;
  llvm::raw_string_ostream out(text);
  print(out, "a", Tensor::of<float>({2, 2}, {0.1f, -1, 1e-45f, 3}));
  EXPECT_EQ(text, "a : tensor<2x2xf32>\n[[0.100000001, -1],\n "
                  "[1.40129846e-45, 3]]\n");
  text.clear();
  Tensor half(DType::F16, {2}), brain(DType::BF16, {1}), flag(DType::I1, {1});
  half.span<uint16_t>()[0] = 0x3c01;
  half.span<uint16_t>()[1] = 0xfc00;
  brain.span<uint16_t>()[0] = 0x3f81;
  flag.bytes()[0] = 1;
  print(out, "h", half);
  print(out, "b", brain);
  print(out, "f", flag);
  print(out, "i", Tensor::of<int8_t>({2}, {-1, 100}));
  print(out, "e", Tensor(DType::F32, {0}));
  EXPECT_EQ(text, "h : tensor<2xf16>\n[1.001, -inf]\nb : tensor<1xbf16>\n"
                  "[1.008]\nf : tensor<1xi1>\n[true]\ni : tensor<2xi8>\n"
                  "[-1, 100]\ne : tensor<0xf32>\n[]\n");
}

TEST_F(Run, TimingIsTheDocumentedObject) {
  Timing timing;
  timing.phases = {{"parse", 1}};
  EngineReport report;
  report.codegen = 2;
  report.cacheHit = true;
  timing.add(report);
  timing.runSeconds = {0.5, 0.25};
  timing.peakBytes = 4096;
  EXPECT_EQ(toJson(timing),
            R"({"phases":{"parse":1,"optimise":0,"codegen":2,"link":0},)"
            R"("compile_seconds":3,"run_seconds":[0.5,0.25],)"
            R"("cache_hit":true,"peak_bytes":4096})"
            "\n");
}

} // namespace
