// May leased work run now? Only inside an agreed window, and never against the owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policies/terms/daily_window.h"
#include "policies/terms/zone.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::presence {
using namespace policies::vocabulary;

enum class Window { Unknown, Open, Closed };
enum class Owner { Unknown, Present, Away, Paused };

struct Presence {
  Window window = Window::Unknown;
  Owner owner = Owner::Unknown;
  Instant window_changes_at =
      Instant::max();  // when the window opens or closes next; Instant::max(): never, or Unknown
  [[nodiscard]] bool work_may_run() const {
    return window == Window::Open && owner != Owner::Paused && owner != Owner::Present;
  }
  bool operator==(const Presence&) const = default;
};

// The agreed processor hours of one machine.
class Calendar {
 public:
  // From the terms that the owner consented to (policies::terms::canonical_text): their "processor_hours" and "zone".
  // InvalidInput when they name none, NotFound for a zone that `zones` do not have. `zones` must outlive the calendar.
  static Result<Calendar> from_terms(std::string_view canonical, const policies::terms::ZoneRules& zones);

  // Window and its next change at `now`; owner is left Unknown.
  [[nodiscard]] Presence at(Instant now) const;

 private:
  Calendar(policies::terms::DailyWindow hours, const policies::terms::Zone& zone) : hours_(hours), zone_(&zone) {}
  policies::terms::DailyWindow hours_;
  const policies::terms::Zone* zone_;
};

// The owner's own word, as commands leave it in a file: absent, "until-resumed", or the instant until which work is
// paused.
struct Pause {
  bool paused = false;
  std::optional<Instant> until;
};
Result<Pause> pause_from(std::string_view text);
std::string text_of(const Pause& pause);

// Puts the two together: no calendar leaves the window Unknown; a pause whose time has passed is none.
Presence presence(const Calendar* calendar, const Pause& pause, Instant now);

}  // namespace agent::presence
