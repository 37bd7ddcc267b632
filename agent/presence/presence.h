// May leased work run now? Only inside an agreed window, and never against the owner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::presence {
using namespace policies::vocabulary;

enum class Window { Unknown, Open, Closed };
enum class Owner { Unknown, Present, Away, Paused };

struct Presence {
  Window window = Window::Unknown;
  Owner owner = Owner::Unknown;
  Instant window_changes_at;  // when the window opens or closes next; meaningless while it is Unknown
  // Instant::max() when no window follows.
  [[nodiscard]] bool work_may_run() const { return window == Window::Open && owner != Owner::Paused && owner != Owner::Present; }
  bool operator==(const Presence&) const = default;
};

// The agreed processor hours of one machine, as instants.
class Calendar {
 public:
  virtual ~Calendar() = default;
  // Window and its next change at `now`; owner is left Unknown.
  [[nodiscard]] virtual Presence at(Instant now) const = 0;
};

// The owner's own word, as commands leave it in a file: absent, "until-resumed", or the instant until which work is paused.
struct Pause {
  bool paused = false;
  std::optional<Instant> until;
};
Result<Pause> pause_from(std::string_view text);
std::string text_of(const Pause& pause);

// Puts the two together. A pause whose time has passed is none.
Presence presence(const Calendar* calendar, const Pause& pause, Instant now);

}  // namespace agent::presence
