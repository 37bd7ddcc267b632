// Goal: hostile and torn partition tables are read without harm, and named for what they are. Method: tables made byte by byte.
#include "provision/disk/partition_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace provision::disk {
namespace {

using testing::HasSubstr;

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> 8 * i & 0xFF);
}

struct Entry {
  std::uint64_t first;
  std::uint64_t last;
};

// A disk of 4 MiB with the given entries in both copies.
class TableBytes {
 public:
  explicit TableBytes(const std::vector<Entry>& entries) : disk(size, '\0') {
    std::string table(128 * 128, '\0');
    for (std::size_t i = 0; i < entries.size(); ++i) {
      put(table, i * 128, 0x1122334455667788, 8);
      put(table, i * 128 + 16, 0x1000 + i, 8);
      put(table, i * 128 + 32, entries[i].first, 8);
      put(table, i * 128 + 40, entries[i].last, 8);
      put(table, i * 128 + 56, 'A' + i, 2);
    }
    put(disk, 446 + 4, 0xEE, 1);
    put(disk, 446 + 8, 1, 4);
    put(disk, 446 + 12, sectors - 1, 4);
    put(disk, 510, 0xAA55, 2);
    disk.replace(2 * 512, table.size(), table);
    disk.replace((sectors - 33) * 512, table.size(), table);
    header(1, sectors - 1, 2, table);
    header(sectors - 1, 1, sectors - 33, table);
  }

  void header(std::uint64_t lba, std::uint64_t other, std::uint64_t entries_at, const std::string& table) {
    std::string bytes(512, '\0');
    bytes.replace(0, 8, "EFI PART");
    put(bytes, 8, 0x10000, 4);
    put(bytes, 12, 92, 4);
    put(bytes, 24, lba, 8);
    put(bytes, 32, other, 8);
    put(bytes, 40, 34, 8);
    put(bytes, 48, sectors - 34, 8);
    put(bytes, 56, 0xABCDEF, 8);
    put(bytes, 72, entries_at, 8);
    put(bytes, 80, 128, 4);
    put(bytes, 84, 128, 4);
    put(bytes, 88, crc32(table), 4);
    seal(bytes);
    disk.replace(lba * 512, 512, bytes);
  }

  static void seal(std::string& header) {
    put(header, 16, 0, 4);
    put(header, 16, crc32(header.substr(0, 92)), 4);
  }

  // Changes a header field and makes its checksum right again.
  void set(std::uint64_t lba, std::size_t at, std::uint64_t value, std::size_t width) {
    std::string bytes = disk.substr(lba * 512, 512);
    put(bytes, at, value, width);
    seal(bytes);
    disk.replace(lba * 512, 512, bytes);
  }

  [[nodiscard]] PartitionTable read() const {
    Result<PartitionTable> table = read_partition_table({disk.size()}, 512, [&](std::uint64_t at, std::size_t length) -> Result<std::string> {
      if (at + length > disk.size()) return Error{ErrorCode::IoFailure, "read beyond the end", {}};
      return disk.substr(at, length);
    });
    EXPECT_TRUE(table) << table.error().text();
    return table ? *table : PartitionTable{};
  }

  static constexpr std::size_t size = 4 << 20;
  static constexpr std::uint64_t sectors = size / 512;
  std::string disk;
};

TEST(PartitionTable, ReadsBothCopies) {
  const PartitionTable table = TableBytes({{4096, 5000}, {2048, 4095}}).read();
  EXPECT_EQ(table.kind, TableKind::Gpt);
  EXPECT_TRUE(table.copies_agree);
  EXPECT_EQ(table.trusted, TrustedCopy::Primary);
  ASSERT_EQ(table.partitions.size(), 2U);
  EXPECT_EQ(table.partitions[0].number, 2U);
  EXPECT_EQ(table.partitions[0].name, "B");
  EXPECT_EQ(table.partitions[0].extent, (Extent{{2048 * 512}, {2048 * 512}}));
  EXPECT_EQ(table.partitions[0].type, "55667788-3344-1122-0000-000000000000");
}

TEST(PartitionTable, FallsBackToTheBackupAndSaysSo) {
  TableBytes bytes({{2048, 4095}});
  bytes.disk[512 + 20] = 'x';
  const PartitionTable table = bytes.read();
  EXPECT_EQ(table.kind, TableKind::Gpt);
  EXPECT_EQ(table.trusted, TrustedCopy::Backup);
  EXPECT_FALSE(table.copies_agree);
}

TEST(PartitionTable, SeesAStaleBackup) {
  TableBytes bytes({{2048, 4095}});
  bytes.set(TableBytes::sectors - 1, 56, 0x123456, 8);
  EXPECT_FALSE(bytes.read().copies_agree);
  EXPECT_EQ(bytes.read().trusted, TrustedCopy::Primary);
}

TEST(PartitionTable, IsDamagedWhenNeitherCopyIsWhole) {
  TableBytes bytes({{2048, 4095}});
  bytes.disk[2 * 512] = 'x';
  bytes.disk[(TableBytes::sectors - 33) * 512] = 'x';
  EXPECT_EQ(bytes.read().kind, TableKind::Damaged);
}

TEST(PartitionTable, ReadsABackupAloneOnlyBehindAnEmptyFirstSector) {
  TableBytes bytes({{2048, 4095}});
  bytes.disk.replace(0, 34 * 512, 34 * 512, '\0');
  EXPECT_EQ(bytes.read().kind, TableKind::Gpt);
  bytes.disk.replace(0, 4, "GRUB");
  EXPECT_EQ(bytes.read().kind, TableKind::None);
}

TEST(PartitionTable, IsDamagedByOverlapsAndPlacesBeyondTheDisk) {
  EXPECT_THAT(TableBytes({{2048, 4095}, {4000, 5000}}).read().damage, HasSubstr("overlap"));
  EXPECT_THAT(TableBytes({{2048, TableBytes::sectors}}).read().damage, HasSubstr("are usable"));
  EXPECT_THAT(TableBytes({{3000, 2048}}).read().damage, HasSubstr("claims sectors"));
  EXPECT_EQ(TableBytes({{2048, UINT64_MAX}}).read().kind, TableKind::Damaged);
  EXPECT_EQ(TableBytes({{0, 10}}).read().kind, TableKind::Damaged);
}

TEST(PartitionTable, DoesNotTrustHeadersBeyondTheLimits) {
  for (const auto& [at, value, width] : std::vector<std::tuple<std::size_t, std::uint64_t, std::size_t>>{
           {12, 91, 4}, {12, 1 << 20, 4}, {24, 7, 8}, {48, UINT64_MAX, 8}, {40, 9999999, 8}, {72, UINT64_MAX / 2, 8},
           {72, TableBytes::sectors - 1, 8}, {80, UINT32_MAX, 4}, {84, 127, 4}, {84, 1 << 30, 4}}) {
    TableBytes bytes({{2048, 4095}});
    bytes.set(1, at, value, width);
    EXPECT_EQ(bytes.read().trusted, TrustedCopy::Backup) << at << " " << value;
  }
}

TEST(PartitionTable, MakesNamesPrintable) {
  TableBytes bytes({{2048, 4095}});
  std::string table = bytes.disk.substr(2 * 512, 128 * 128);
  const std::uint16_t units[] = {0x0041, 0x001B, 0xD83D, 0xDE00, 0xD800, 0x00E9, 0x20AC};
  for (std::size_t i = 0; i < std::size(units); ++i) put(table, 56 + 2 * i, units[i], 2);
  bytes.disk.replace(2 * 512, table.size(), table);
  bytes.set(1, 88, crc32(table), 4);
  EXPECT_EQ(bytes.read().partitions[0].name, "A\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD\xC3\xA9\xE2\x82\xAC");
}

TEST(PartitionTable, KnowsAnMbrAndNoTableAtAll) {
  std::string disk(4 << 20, '\0');
  const auto read = [&] {
    return *read_partition_table({disk.size()}, 512, [&](std::uint64_t at, std::size_t length) -> Result<std::string> { return disk.substr(at, length); });
  };
  EXPECT_EQ(read().kind, TableKind::None);
  put(disk, 446 + 4, 0x83, 1);
  put(disk, 446 + 8, 2048, 4);
  put(disk, 446 + 12, 1000, 4);
  put(disk, 510, 0xAA55, 2);
  EXPECT_EQ(read().kind, TableKind::Mbr);
  EXPECT_EQ(read().partitions[0].extent.size.count, 512'000U);
  EXPECT_FALSE(read().mbr->boot_code || read().mbr->gap_written);
  EXPECT_EQ(read().mbr->active_partition, 0U);
  disk[10] = 'x';
  disk[446] = static_cast<char>(0x80);
  disk[5 * 512] = 'G';
  EXPECT_TRUE(read().mbr->boot_code && read().mbr->gap_written);
  EXPECT_EQ(read().mbr->active_partition, 1U);
  put(disk, 446 + 12, UINT32_MAX, 4);
  EXPECT_EQ(read().kind, TableKind::Damaged);
  EXPECT_THAT(read().damage, HasSubstr("entry 1 of the MBR claims 4294967295 sectors from sector 2048"));
}

// A disk of 4 MiB with an MBR, and extended partitions where a test puts them.
class MbrBytes {
 public:
  MbrBytes() : disk(4 << 20, '\0') { put(disk, 510, 0xAA55, 2); }
  void entry(std::uint64_t at_sector, std::size_t index, unsigned type, std::uint64_t first, std::uint64_t count) {
    const std::size_t at = at_sector * 512 + 446 + index * 16;
    put(disk, at + 4, type, 1);
    put(disk, at + 8, first, 4);
    put(disk, at + 12, count, 4);
    put(disk, at_sector * 512 + 510, 0xAA55, 2);
  }
  [[nodiscard]] PartitionTable read() const {
    Result<PartitionTable> table = read_partition_table({disk.size()}, 512, [&](std::uint64_t at, std::size_t length) -> Result<std::string> {
      if (at + length > disk.size()) return Error{ErrorCode::IoFailure, "read beyond the end", {}};
      return disk.substr(at, length);
    });
    EXPECT_TRUE(table) << table.error().text();
    return table ? *table : PartitionTable{};
  }
  std::string disk;
};

TEST(PartitionTable, FollowsExtendedPartitions) {
  MbrBytes bytes;
  bytes.entry(0, 0, 0x83, 64, 100);
  bytes.entry(0, 1, 0x05, 200, 4000);
  bytes.entry(200, 0, 0x82, 10, 500);
  bytes.entry(200, 1, 0x05, 600, 2000);
  bytes.entry(800, 0, 0x83, 10, 1000);
  const PartitionTable table = bytes.read();
  ASSERT_EQ(table.kind, TableKind::Mbr) << table.damage;
  ASSERT_EQ(table.partitions.size(), 3U);
  EXPECT_EQ(table.partitions[1].number, 5U);
  EXPECT_EQ(table.partitions[1].type, "82");
  EXPECT_EQ(table.partitions[2].number, 6U);
  EXPECT_EQ(table.partitions[2].extent, (Extent{{810 * 512}, {1000 * 512}}));
}

TEST(PartitionTable, IsDamagedByExtendedPartitionsThatLeadAstray) {
  const auto damage = [](const std::function<void(MbrBytes&)>& change) {
    MbrBytes bytes;
    bytes.entry(0, 1, 0x0F, 200, 4000);
    bytes.entry(200, 0, 0x83, 10, 500);
    bytes.entry(200, 1, 0x05, 600, 2000);
    bytes.entry(800, 0, 0x83, 10, 100);
    change(bytes);
    const PartitionTable table = bytes.read();
    EXPECT_EQ(table.kind, TableKind::Damaged);
    EXPECT_TRUE(table.partitions.empty());
    return table.damage;
  };
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 1, 0x05, 0, 100); }), HasSubstr("leads back to sector 200"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 1, 0x05, 600, 100); }), HasSubstr("leads back to sector 800"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 1, 0x05, 4000, 100); }), HasSubstr("from sector 800 to sector 4200"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 1, 0x83, 700, 100); }), HasSubstr("leads from sector 800"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 0, 0x83, 10, 5000); }), HasSubstr("logical partition 6 at sector 800 claims 5000 sectors"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 0, 0x83, 0, 100); }), HasSubstr("logical partition 6"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(800, 1, 0x05, 100, 100); }), HasSubstr("lacks its mark 55 AA"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(0, 0, 0x83, 300, 10); }), HasSubstr("partition 1 overlaps the extended partition"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(0, 2, 0x05, 5000, 10); }), HasSubstr("two extended partitions"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(200, 0, 0x83, 10, 700); }), HasSubstr("partitions 5 and 6 overlap"));
  EXPECT_THAT(damage([](MbrBytes& b) { b.entry(0, 0, 0x83, 100, 0); }), HasSubstr("claims 0 sectors"));
}

TEST(PartitionTable, EndsAChainThatIsTooLong) {
  MbrBytes bytes;
  bytes.entry(0, 0, 0x05, 100, 8000);
  for (std::uint64_t i = 0; i < 200; ++i) {
    bytes.entry(100 + i * 20, 0, 0x83, 1, 10);
    bytes.entry(100 + i * 20, 1, 0x05, (i + 1) * 20, 20);
  }
  EXPECT_THAT(bytes.read().damage, HasSubstr("longer than 124"));
}

TEST(PartitionTable, NamesPlaceAndValueOfWhatIsWrongWithBothCopies) {
  const auto damage = [](const std::function<void(TableBytes&)>& change) {
    TableBytes bytes({{2048, 4095}});
    change(bytes);
    EXPECT_EQ(bytes.read().kind, TableKind::Damaged);
    return bytes.read().damage;
  };
  constexpr std::uint64_t last = TableBytes::sectors - 1;
  const auto both = [](std::size_t at, std::uint64_t value, std::size_t width) {
    return [=](TableBytes& b) {
      b.set(1, at, value, width);
      b.set(last, at, value, width);
    };
  };
  EXPECT_THAT(damage([](TableBytes& b) { b.disk[512 + 60] = b.disk[last * 512 + 60] = 'x'; }),
              testing::AllOf(HasSubstr("the GPT header in sector 1 has the checksum"), HasSubstr("the GPT header in sector 8191 has the checksum")));
  EXPECT_THAT(damage([](TableBytes& b) { b.disk[2 * 512] = b.disk[(TableBytes::sectors - 33) * 512] = 'x'; }),
              HasSubstr("the array of GPT entries in sector 2 has the checksum"));
  EXPECT_THAT(damage(both(48, std::uint64_t{1} << 63, 8)), HasSubstr("calls sectors 34 to 9223372036854775808 usable on a disk of 8192"));
  EXPECT_THAT(damage(both(80, UINT32_MAX, 4)), HasSubstr("claims 4294967295 entries of 128 bytes"));
  EXPECT_THAT(damage(both(84, 1 << 30, 4)), HasSubstr("claims 128 entries of 1073741824 bytes"));
  EXPECT_THAT(damage(both(72, UINT64_MAX / 2, 8)), HasSubstr("puts its 128 entries into sector 9223372036854775807"));
  EXPECT_THAT(damage(both(72, 100, 8)), HasSubstr("among those that partitions may use"));
  EXPECT_THAT(damage([](TableBytes& b) { put(b.disk, 446 + 16 + 4, 0x83, 1); }), HasSubstr("lists partition 2 of type 83"));
}

TEST(PartitionTable, MendsAProtectiveEntryThatDoesNotCoverTheDisk) {
  TableBytes bytes({{2048, 4095}});
  EXPECT_TRUE(bytes.read().copies_agree);
  put(bytes.disk, 446 + 12, 7, 4);
  EXPECT_EQ(bytes.read().kind, TableKind::Gpt);
  EXPECT_FALSE(bytes.read().copies_agree);
}

TEST(PartitionTable, RefusesAnImpossibleGeometry) {
  const ReadAt nothing = [](std::uint64_t, std::size_t) -> Result<std::string> { return std::string(); };
  EXPECT_FALSE(read_partition_table({1 << 20}, 100, nothing));
  EXPECT_EQ(read_partition_table({1000}, 512, nothing)->kind, TableKind::None);
}

// From the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
TEST(Crc32, GivesTheCheckValueOfItsAlgorithm) { EXPECT_EQ(crc32("123456789"), 0xCBF43926U); }

}  // namespace
}  // namespace provision::disk
