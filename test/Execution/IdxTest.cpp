// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// IDX files, plain and gzip, against the format's description.
#include "prec/Execution/Idx.h"
#include "Expect.h"
#include <zlib.h>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::ElementsAre;
using testing::HasSubstr;

static std::string failure(llvm::ArrayRef<uint8_t> bytes) {
  return messageOf(parseIdx(bytes, "t.idx"));
}

static const std::vector<uint8_t> kMatrix = {0, 0, 8, 2, 0, 0, 0, 2, 0,
                                             0, 0, 3, 1, 2, 3, 4, 5, 255};

/// What gzip would make of these bytes, by zlib.
static std::vector<uint8_t> gzip(llvm::ArrayRef<uint8_t> bytes) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
  std::vector<uint8_t> out(bytes.size() + 200);
  stream.next_in = const_cast<Bytef *>(bytes.data());
  stream.avail_in = uInt(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = uInt(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(Idx, EveryType) {
  Tensor t = valueOf(parseIdx(kMatrix, "t.idx"));
  EXPECT_EQ(describe(t), "tensor<2x3xu8>");
  EXPECT_THAT(t.span<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 255));
  auto one = [](uint8_t code, std::vector<uint8_t> data) {
    std::vector<uint8_t> bytes = {0, 0, code, 1, 0, 0, 0, 1};
    bytes.insert(bytes.end(), data.begin(), data.end());
    return valueOf(parseIdx(bytes, "t.idx"));
  };
  EXPECT_EQ(one(0x09, {0xff}).span<int8_t>()[0], -1);
  EXPECT_EQ(one(0x0B, {0xff, 0xfe}).span<int16_t>()[0], -2);
  EXPECT_EQ(one(0x0C, {0, 0, 1, 2}).span<int32_t>()[0], 258);
  EXPECT_EQ(one(0x0D, {0x3f, 0x80, 0, 0}).span<float>()[0], 1.0f);
  EXPECT_EQ(one(0x0E, {0xc0, 0, 0, 0, 0, 0, 0, 0}).span<double>()[0], -2.0);
}

TEST(Idx, EveryHeaderFieldIsChecked) {
  auto with = [](size_t index, uint8_t value) {
    std::vector<uint8_t> bytes = kMatrix;
    bytes[index] = value;
    return failure(bytes);
  };
  EXPECT_THAT(with(0, 1), HasSubstr("first two bytes are 0x0100"));
  EXPECT_THAT(with(1, 1), HasSubstr("first two bytes are 0x0001"));
  EXPECT_THAT(with(2, 0x0a), HasSubstr("IDX type code 0x0a, expected one of"));
  EXPECT_THAT(with(3, 0), HasSubstr("0 dimensions, expected at least 1"));
  EXPECT_THAT(with(3, 200),
              HasSubstr("found 18 bytes, expected 804 for 200 dimensions"));
  EXPECT_THAT(with(7, 3), HasSubstr("found 6 bytes of data, expected 9"));
  EXPECT_THAT(with(11, 2), HasSubstr("found 6 bytes of data, expected 4"));
}

TEST(Idx, TruncationAndTrailingBytes) {
  for (size_t n = 0; n < kMatrix.size(); ++n)
    EXPECT_NE(failure(llvm::ArrayRef<uint8_t>(kMatrix).take_front(n)),
              "success");
  std::vector<uint8_t> longer = kMatrix;
  longer.push_back(0);
  EXPECT_THAT(failure(longer), HasSubstr("found 7 bytes of data, expected 6"));
}

TEST(Idx, PlainFilesAsTheirBytes) {
  TemporaryFolder folder;
  std::string path = folder / "f";
  store(path, kMatrix);
  Tensor t = valueOf(readIdx(path));
  EXPECT_EQ(describe(t), "tensor<2x3xu8>");
  EXPECT_THAT(t.span<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 255));
  store(path, std::vector<uint8_t>{0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 1, 2, 255,
                                   255, 255, 254});
  EXPECT_THAT(valueOf(readIdx(path)).span<int32_t>(), ElementsAre(258, -2));
  for (size_t n = 0; n < kMatrix.size(); ++n) {
    store(path, llvm::ArrayRef<uint8_t>(kMatrix).take_front(n));
    std::string said = messageOf(readIdx(path));
    EXPECT_EQ(said, messageOf(parseIdx(
                        llvm::ArrayRef<uint8_t>(kMatrix).take_front(n), path)));
    EXPECT_NE(said, "success");
  }
  // 255 dimensions of size 1 and one element.
  std::vector<uint8_t> longest(4 + 4 * 255 + 1, 0);
  longest[2] = 8;
  longest[3] = 255;
  for (size_t d = 0; d < 255; ++d)
    longest[7 + 4 * d] = 1;
  longest.back() = 7;
  store(path, longest);
  EXPECT_THAT(valueOf(readIdx(path)).span<uint8_t>(), ElementsAre(7));
  EXPECT_THAT(messageOf(readIdx(folder / "none")),
              HasSubstr("none': no such file"));
}

TEST(Idx, GzipByContentAndItsDamage) {
  TemporaryFolder folder;
  std::string path = folder / "images";
  std::vector<uint8_t> packed = gzip(kMatrix);
  store(path, packed);
  EXPECT_THAT(valueOf(readIdx(path)).span<uint8_t>(),
              ElementsAre(1, 2, 3, 4, 5, 255));
  // Two members are one file, as gzip's manual says.
  std::vector<uint8_t> two = gzip(llvm::ArrayRef(kMatrix).take_front(9));
  std::vector<uint8_t> rest = gzip(llvm::ArrayRef(kMatrix).drop_front(9));
  two.insert(two.end(), rest.begin(), rest.end());
  store(path, two);
  EXPECT_EQ(valueOf(readIdx(path)).size(), 6);
  for (size_t n = 2; n < packed.size(); ++n) {
    store(path, llvm::ArrayRef<uint8_t>(packed).take_front(n));
    EXPECT_THAT(messageOf(readIdx(path)), HasSubstr("gzip data is truncated"));
  }
  std::vector<uint8_t> changed = packed;
  changed[packed.size() - 6] ^= 1; // the checksum
  store(path, changed);
  EXPECT_THAT(messageOf(readIdx(path)), HasSubstr("gzip data is corrupt"));
  packed.push_back('x');
  store(path, packed);
  EXPECT_THAT(messageOf(readIdx(path)), HasSubstr("1 bytes after the end"));
}

TEST(Idx, FlippedBytesNeverCrash) {
  TemporaryFolder folder;
  Dice random;
  std::vector<uint8_t> packed = gzip(kMatrix);
  for (int i = 0; i < 20000; ++i) {
    std::vector<uint8_t> bytes = kMatrix;
    bytes[random() % bytes.size()] = uint8_t(random());
    failure(bytes);
  }
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> bytes = packed;
    bytes[random() % bytes.size()] = uint8_t(random());
    store(folder / "x", bytes);
    messageOf(readIdx(folder / "x"));
  }
}
