// The one shape in which an expected failure travels. Broken invariants abort instead; see `invariant`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policies::vocabulary {

// What kind of failure it was: closed, so that a caller can decide by it. Nobody decides by the message.
enum class ErrorCode {
  InvalidInput,      // outside bytes that break their format or their range
  NotFound,          // a named thing is not there
  AlreadyExists,     // a thing is there that must not be
  Conflict,          // lawful in itself, but not in the present state
  Refused,           // a rule, a term or a safety check says no
  Unauthenticated,   // the other end did not prove who it is
  PermissionDenied,  // proven, but not allowed
  Corrupt,           // our own bytes came back changed
  LimitExceeded,     // larger, longer or more than the stated limit
  OutOfSpace,        // disk, quota or budget is used up
  Unavailable,       // the other end, or a device, cannot be reached now; trying again may help
  IoFailure,         // the operating system refused a read or a write
  Unsupported,       // this machine or this format cannot do it
  Interrupted,       // cut before its end; running it again finishes it
};

[[nodiscard]] std::string_view name_of(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::InvalidInput;
  std::string message;               // what was wrong, with the value, and the way out; never a secret
  std::vector<std::string> context;  // what each level was doing, innermost first

  // The same error, with what this level was doing ("reading order home.yaml").
  Error within(std::string what_was_being_done) &&;
  Error within(std::string what_was_being_done) const&;

  // One line for people: outermost context first, then the message.
  [[nodiscard]] std::string text() const;
};

// Aborts with `claim` when `holds` is false, in every build: for what our own code promised, never for outside input.
void invariant(bool holds, std::string_view claim);

}  // namespace policies::vocabulary
