// How a program ends, told to whoever started it. The numbers are a promise to scripts.
#pragma once

#include "policies/vocabulary/error.h"

namespace policies::command_line {
using namespace policies::vocabulary;

enum class ExitCode {
  Done = 0,
  Failed = 1,
  Usage = 2,       // the command line itself was wrong; nothing was tried
  PartlyDone = 3,  // cut or failed on the way: run the same command again to finish
  Refused = 4,     // a policy, a term or a permission says no; trying again will not help
};

// Refused and PermissionDenied end as Refused, Interrupted as PartlyDone, all else as Failed.
ExitCode exit_code_for(ErrorCode code);

}  // namespace policies::command_line
