// links: agent_journal tests_fakes
#include "agent/journal/journal.h"
#include "tests/fakes/memory_files.h"

// Whatever lies where the journal is: an error, or a journal that goes on and is found again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agent::journal;
  tests::fakes::MemoryFiles files;
  // Behind a good head, since a fuzzer seldom guesses a checksum.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string file;
  {
    Result<Journal> empty = Journal::open(files, "/j", {});
    file = empty ? files.read("/j", kibibytes(1)).value_or("") : "";
  }
  file += framed(bytes) + bytes;
  invariant(files.replace("/j", file, images::files::Access::OwnerOnly).has_value(), "a file in memory can be written");
  Result<Journal> journal = Journal::open(files, "/j", {});
  if (!journal) return 0;
  journal->put("fuzz", "1");
  invariant(journal->commit().has_value(), "a journal that opens can be written");
  Result<Journal> again = Journal::open(files, "/j", {});
  invariant(again && again->entries() == journal->entries(), "a journal is found again as it was");
  return 0;
}
