#include "policies/command_line/exit_code.h"

namespace policies::command_line {

ExitCode exit_code_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::Refused:
    case ErrorCode::PermissionDenied: return ExitCode::Refused;
    case ErrorCode::Interrupted: return ExitCode::PartlyDone;
    default: return ExitCode::Failed;
  }
}

}  // namespace policies::command_line
