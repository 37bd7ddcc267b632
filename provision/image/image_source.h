// A raw image onto its partition: in parallel, without its zeros, each chunk held against its digest before it is written and
// after.
//
// Order of writes: the head of the partition goes │ all chunks but the first │ read back │ the first chunk │ read back │ the
// planned UUID and label │, where "│" is a flush. So nothing takes a part of an image for a filesystem, and nothing takes an
// image that was not read back for the planned one.
#pragma once

#include <functional>
#include <memory>

#include "provision/disk/apply.h"
#include "provision/image/system_bundle.h"

namespace provision::image {

enum class Approach {
  WriteAll,      // nothing of it is on the disk yet
  CompareFirst,  // a run was cut: what is right already is not written again
};

struct WriteFigures {
  std::uint64_t chunks_written = 0;
  std::uint64_t chunks_there = 0;  // found right by comparing
};

struct ImageOptions {
  Approach approach = Approach::WriteAll;
  unsigned threads = 2;                                 // 1 to 16; each holds two chunks
  std::function<void(Bytes done, Bytes all)> progress;  // of writing; called by one thread at a time; may be empty
  WriteFigures* figures = nullptr;                      // filled by write(); may be nullptr
};

// Reads the image's map out of the bundle; both must outlive the source. InvalidInput when map and manifest disagree.
// write(): OutOfSpace when the image is larger than the partition, Corrupt when a chunk of the bundle is not the one that was
// signed, or the disk gives back other bytes than it took.
Result<std::unique_ptr<disk::ImageSource>> image_source(images::files::Files& files, const VerifiedSystem& system, ImageOptions options);

}  // namespace provision::image
