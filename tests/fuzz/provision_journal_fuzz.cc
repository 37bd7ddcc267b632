// links: provision_run
#include <string>

#include "provision/run/journal.h"

// Whatever is read is within its limits, and its lines, written again, are the same bytes up to where it was whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace provision::run;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Result<JournalText> journal = journal_from(text);
  if (!journal) return 0;
  invariant(journal->whole_bytes <= text.size(), "a journal is no longer than its text");
  std::string chain(64, '0');
  std::string again;
  for (const Entry& entry : journal->entries) {
    const std::string line = line_of(entry, chain);
    chain = line.substr(0, 64);
    again += line;
  }
  const Result<JournalText> reread = journal_from(again);
  invariant(reread && reread->entries == journal->entries, "a journal reads back as itself");
  return 0;
}
