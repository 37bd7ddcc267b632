#include "policies/vocabulary/error.h"

#include <cstdio>
#include <cstdlib>

namespace policies::vocabulary {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidInput: return "invalid-input";
    case ErrorCode::NotFound: return "not-found";
    case ErrorCode::AlreadyExists: return "already-exists";
    case ErrorCode::Conflict: return "conflict";
    case ErrorCode::Refused: return "refused";
    case ErrorCode::Unauthenticated: return "unauthenticated";
    case ErrorCode::PermissionDenied: return "permission-denied";
    case ErrorCode::Corrupt: return "corrupt";
    case ErrorCode::LimitExceeded: return "limit-exceeded";
    case ErrorCode::OutOfSpace: return "out-of-space";
    case ErrorCode::Unavailable: return "unavailable";
    case ErrorCode::IoFailure: return "io-failure";
    case ErrorCode::Unsupported: return "unsupported";
    case ErrorCode::Interrupted: return "interrupted";
  }
  std::abort();
}

Error Error::within(std::string what_was_being_done) && {
  context.push_back(std::move(what_was_being_done));
  return std::move(*this);
}

Error Error::within(std::string what_was_being_done) const& {
  return Error(*this).within(std::move(what_was_being_done));
}

std::string Error::text() const {
  std::string line;
  for (auto level = context.rbegin(); level != context.rend(); ++level) line += *level + ": ";
  return line + message;
}

void invariant(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %.*s\n", static_cast<int>(claim.size()), claim.data());
  std::abort();
}

}  // namespace policies::vocabulary
