// A disk that failed is put aside: the station's journal says so, and a note on the disk itself. Nothing is built on it and nothing
// vouches for it until a named operator takes it back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provision/disk/disk_safety.h"
#include "provision/run/journal.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

inline constexpr const char* quarantine_cleared = "quarantine-cleared";

// Whether a run that ended so may be gone on with, or speaks against its disk: what was read back was not what was written, or the
// device refused. A cut, a full station and a missing program do not.
bool speaks_against_disk(ErrorCode cause);

struct Quarantine {
  std::string reason;
  Instant since;
};
// What a journal says: the last failure that speaks against the disk, unless an operator cleared it since.
std::optional<Quarantine> quarantine_of(const std::vector<Entry>& entries);

// What the note on the disk says.
struct QuarantineMark {
  std::string line;    // of the station that put it aside
  std::string order;   // whose run failed
  std::string serial;  // of the machine it was for
  std::string reason;  // at most 1 KiB; longer ones are cut
  Instant since;
  bool operator==(const QuarantineMark&) const = default;
};
std::string text_of(const QuarantineMark& mark);
// Corrupt when it is not such a text.
Result<QuarantineMark> quarantine_mark_from(std::string_view text);

// Refused when the disk bears such a note, or one that cannot be read. A disk that cannot be read at all is not judged here.
Done check_not_put_aside(const std::string& disk_path, disk::Disks& disks);

struct ClearRequest {
  std::string run;            // the station's name of it: the order
  std::string operator_name;  // 1 to 100 bytes; goes on the record
  std::string reason;         // 1 to 500 bytes; why it may be used again
  std::string disk_path;      // empty: the disk is not here, and its note stays
  disk::Confirmation confirmation;
};
// Takes the note off the disk, then says so in the journal. NotFound when there is no such run; Conflict when it is not
// quarantined, or the note on that disk is another run's.
Done clear_quarantine(const ClearRequest& request, Station& station, RunPorts& ports);

}  // namespace provision::run
