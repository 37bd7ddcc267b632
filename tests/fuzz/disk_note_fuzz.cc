// links: provision_run
#include <string>

#include "provision/disk/disk_note.h"
#include "provision/run/quarantine.h"

// A note that is read reads back from its own bytes; a quarantine mark from its own text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace provision;
  using policies::vocabulary::invariant;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto note = disk::note_from(text);
  if (note) {
    const auto again = disk::note_from(disk::bytes_of_note(*note));
    invariant(again && *again == *note, "a note reads back as itself");
  }
  const auto mark = run::quarantine_mark_from(text);
  if (mark) invariant(run::quarantine_mark_from(run::text_of(*mark)).has_value(), "a mark reads back");
  return 0;
}
