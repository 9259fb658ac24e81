// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// .npy and .npz against files that NumPy wrote, and against broken ones.
#include "prec/Execution/Npy.h"
#include "Expect.h"
#include "NumpyFiles.h"
#include "prec/Execution/Npz.h"
#include <zip.h>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::ElementsAre;
using testing::HasSubstr;

static Tensor parse(llvm::StringRef hex) {
  return valueOf(parseNpy(unhex(hex), "t.npy"));
}
static std::string failure(llvm::ArrayRef<uint8_t> bytes) {
  return messageOf(parseNpy(bytes, "t.npy"));
}
/// A version 1 file with this header text and data.
static std::vector<uint8_t> npy(const std::string &header, size_t dataBytes) {
  std::string text("\x93NUMPY\1\0", 8);
  text += char(header.size() & 255);
  text += char(header.size() >> 8);
  text += header + std::string(dataBytes, '\0');
  return {text.begin(), text.end()};
}

TEST(Npy, EveryLayoutGivesTheSameArray) {
  for (const char *hex : {kF32, kFortran, kBig, kV2, kV3}) {
    Tensor t = parse(hex);
    EXPECT_EQ(describe(t), "tensor<2x3xf32>");
    EXPECT_THAT(t.span<float>(), ElementsAre(1.5, -2, 3, 4, 5, 6.25));
  }
}

TEST(Npy, BigEndianFortranOfThreeDimensions) {
  Tensor t = parse(kBigFortran3);
  EXPECT_EQ(describe(t), "tensor<1x2x3xi16>");
  EXPECT_THAT(t.span<int16_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Npy, ScalarEmptyBoolHalf) {
  Tensor scalar = parse(kScalar);
  EXPECT_EQ(describe(scalar), "i64");
  EXPECT_THAT(scalar.span<int64_t>(), ElementsAre(7));
  EXPECT_EQ(describe(parse(kEmpty)), "tensor<0x3xf64>");
  Tensor flags = parse(kBool);
  EXPECT_EQ(describe(flags), "tensor<3xi1>");
  EXPECT_THAT(flags.span<uint8_t>(), ElementsAre(1, 0, 1));
  Tensor half = parse(kHalf);
  EXPECT_EQ(half.dtype(), DType::F16);
  EXPECT_THAT(half.span<uint16_t>(), ElementsAre(0x3c00, 0x7bff, 0x8000));
  Tensor brain = parse(kBf16);
  EXPECT_EQ(brain.dtype(), DType::BF16);
  EXPECT_THAT(brain.span<uint16_t>(), ElementsAre(0x3f80, 0xc049));
}

TEST(Npy, WritesTheBytesThatNumpyWrites) {
  TemporaryFolder folder;
  std::string path = folder / "x.npy";
  for (const char *hex : {kF32, kScalar, kEmpty, kBool, kHalf, kBf16}) {
    ASSERT_EQ(messageOf(writeNpy(path, parse(hex))), "success");
    EXPECT_EQ(contentOf(path), unhex(hex));
  }
  EXPECT_EQ(folder.count(), 1);
}

TEST(Npy, RefusesOtherElements) {
  EXPECT_THAT(failure(unhex(kObject)), HasSubstr("object array"));
  EXPECT_THAT(failure(unhex(kStruct)), HasSubstr("structured array"));
  EXPECT_THAT(failure(unhex(kComplex)),
              HasSubstr("found dtype '<c8', expected one of f2, f4"));
}

TEST(Npy, RefusesBrokenHeaders) {
  EXPECT_THAT(failure({}), HasSubstr("not an .npy file"));
  std::vector<uint8_t> version = unhex(kF32);
  version[6] = 4;
  EXPECT_THAT(failure(version), HasSubstr("found version 4.0"));
  auto header = [](llvm::StringRef text) {
    return failure(npy(text.str(), 4));
  };
  EXPECT_EQ(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"),
            "success");
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False}"),
              HasSubstr("expected the keys descr, fortran_order and shape"));
  EXPECT_THAT(header("{'descr': '<f4', 'descr': '<f4'}"),
              HasSubstr("found 'descr'"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}"),
              HasSubstr("expected True or False"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}"),
              HasSubstr("expected a tuple"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, "
                     "'shape': (-1,)}"),
              HasSubstr("expected a tuple"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, "
                     "'shape': (99999999999999999999,)}"),
              HasSubstr("expected a tuple"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, "
                     "'shape': (1,)} x"),
              HasSubstr("expected nothing after"));
}

TEST(Npy, RefusesAnotherAmountOfData) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
  EXPECT_THAT(failure(npy(header + "(2,)}", 7)),
              HasSubstr("found 7 bytes of data, expected 2 elements of 4 "
                        "bytes for tensor<2xf32>"));
  EXPECT_THAT(failure(npy(header + "(2,)}", 12)), HasSubstr("found 12 bytes"));
  EXPECT_THAT(failure(npy(header + "(4611686018427387904,4)}", 0)),
              HasSubstr("more than a file can hold"));
  EXPECT_THAT(failure(npy(header + "(4611686018427387904,)}", 0)),
              HasSubstr("found 0 bytes"));
  std::vector<uint8_t> flags = unhex(kBool);
  flags.back() = 2;
  EXPECT_THAT(failure(flags), HasSubstr("found the byte 2 in element 2"));
}

TEST(Npy, EveryTruncationIsAnError) {
  std::vector<uint8_t> whole = unhex(kF32);
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(failure(llvm::ArrayRef<uint8_t>(whole).take_front(n)), "success")
        << n;
}

TEST(Npy, FlippedBytesNeverCrash) {
  Dice random;
  for (const char *hex : {kF32, kFortran, kV2, kBool}) {
    std::vector<uint8_t> whole = unhex(hex);
    for (int i = 0; i < 20000; ++i) {
      std::vector<uint8_t> bytes = whole;
      for (unsigned flips = 1 + random() % 3; flips; --flips)
        bytes[random() % 128] = uint8_t(random());
      failure(bytes);
    }
  }
}

TEST(Npz, ReadsWhatNumpyWrote) {
  TemporaryFolder folder;
  std::string path = folder / "x.npz";
  store(path, unhex(kNpz));
  std::vector<NamedTensor> arrays = valueOf(readNpz(path));
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "w");
  EXPECT_THAT(arrays[0].tensor.span<float>(), ElementsAre(1, 2));
  EXPECT_EQ(arrays[1].name, "b");
  EXPECT_EQ(describe(arrays[1].tensor), "i32");
  store(path, unhex(kNpzDeflated));
  arrays = valueOf(readNpz(path));
  ASSERT_EQ(arrays.size(), 1u);
  EXPECT_EQ(describe(arrays[0].tensor), "tensor<100xf32>");
}

TEST(Npz, WritesWhatItReads) {
  TemporaryFolder folder;
  std::string path = folder / "x.npz", again = folder / "y.npz";
  Tensor w = Tensor::of<float>({2, 1}, {1, 2}), b = Tensor::scalar<int32_t>(3);
  ASSERT_EQ(messageOf(writeNpz(path, {{"a/w", &w}, {"b", &b}})), "success");
  std::vector<NamedTensor> arrays = valueOf(readNpz(path));
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "a/w");
  EXPECT_EQ(describe(arrays[0].tensor), "tensor<2x1xf32>");
  EXPECT_THAT(arrays[0].tensor.span<float>(), ElementsAre(1, 2));
  EXPECT_THAT(arrays[1].tensor.span<int32_t>(), ElementsAre(3));
  ASSERT_EQ(messageOf(writeNpz(again, {{"a/w", &w}, {"b", &b}})), "success");
  EXPECT_EQ(contentOf(path), contentOf(again));
  ASSERT_EQ(messageOf(writeNpz(path, {})), "success");
  EXPECT_TRUE(valueOf(readNpz(path)).empty());
}

/// A zip file with one member of this name and content.
static void zip(const std::string &path, const char *name,
                llvm::ArrayRef<uint8_t> bytes) {
  zip_t *archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_TRUE(archive);
  zip_file_add(archive, name,
               zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

TEST(Npz, MemberWithoutEndingAndMemberOfAnotherKind) {
  TemporaryFolder folder;
  std::string path = folder / "x.npz";
  std::vector<uint8_t> array = unhex(kF32), text = {'h', 'i'};
  zip(path, "plain", array);
  EXPECT_EQ(valueOf(readNpz(path))[0].name, "plain");
  zip(path, "readme.txt", text);
  EXPECT_THAT(messageOf(readNpz(path)),
              HasSubstr("x.npz' member 'readme.txt': not an .npy file"));
}

TEST(Npz, RefusesDamage) {
  TemporaryFolder folder;
  std::string path = folder / "x.npz";
  store(path, unhex(kF32));
  EXPECT_THAT(messageOf(readNpz(path)),
              HasSubstr("cannot be read as an .npz file"));
  std::vector<uint8_t> whole = unhex(kNpz);
  std::vector<uint8_t> changed = whole;
  changed[whole.size() / 4] ^= 1; // in the first member's data or header
  store(path, changed);
  EXPECT_NE(messageOf(readNpz(path)), "success");
  for (size_t n = 0; n < whole.size(); n += 7) {
    store(path, llvm::ArrayRef<uint8_t>(whole).take_front(n));
    EXPECT_NE(messageOf(readNpz(path)), "success") << n;
  }
  Dice random;
  for (int i = 0; i < 2000; ++i) {
    changed = whole;
    changed[random() % whole.size()] = uint8_t(random());
    store(path, changed);
    messageOf(readNpz(path));
  }
}
