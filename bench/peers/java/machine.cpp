#include "machine.hpp"

#include <filesystem>
#include <vector>

#include "bench/harness/stage.hpp"

namespace towbench {
namespace {

std::string class_path() {
  std::string path = "-Djava.class.path=" TOWBENCH_JAVA "/classes";
  for (const auto& entry : std::filesystem::directory_iterator(TOWBENCH_JAVA "/jars")) {
    path += ':' + entry.path().string();
  }
  return path;
}

/// What Chronicle's documentation asks for on Java 17, a collector without threads, no compiling
/// beside the measurement, and no reports to its makers.
std::vector<std::string> machine_options() {
  return {class_path(),
          "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
          "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
          "--add-exports=jdk.unsupported/sun.misc=ALL-UNNAMED",
          "--add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED",
          "--add-opens=jdk.compiler/com.sun.tools.javac=ALL-UNNAMED",
          "--add-opens=java.base/java.lang=ALL-UNNAMED",
          "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
          "--add-opens=java.base/java.io=ALL-UNNAMED",
          "--add-opens=java.base/java.util=ALL-UNNAMED",
          "-XX:+UseSerialGC",
          "-Xbatch",
          "-XX:-UsePerfData",
          "-Xmx128m",
          "-Dchronicle.analytics.disable=true",
          "-Dchronicle.announcer.disable=true"};
}

}  // namespace

JavaMachine& JavaMachine::get() {
  static JavaMachine machine;
  return machine;
}

JavaMachine::JavaMachine() {
  std::vector<std::string> texts = machine_options();
  std::vector<JavaVMOption> options;
  for (std::string& text : texts) options.push_back({text.data(), nullptr});
  JavaVMInitArgs arguments{JNI_VERSION_10, static_cast<jint>(options.size()), options.data(),
                           JNI_FALSE};
  JavaVM* machine = nullptr;
  if (JNI_CreateJavaVM(&machine, reinterpret_cast<void**>(&environment_), &arguments) != JNI_OK) {
    throw Failure("cannot start a Java virtual machine");
  }
  class_ = environment_->FindClass("towbench/Chronicle");
  check();
  open_ = method("open", "(Ljava/lang/String;)V");
  close_ = method("close", "()V");
  append_ = method("append", "(JI)V");
  take_ = method("take", "(JI)Z");
  begin_writing_ = method("beginWriting", "(I)J");
  end_writing_ = method("endWriting", "()V");
  begin_reading_ = method("beginReading", "(I)J");
  end_reading_ = method("endReading", "()V");
}

jmethodID JavaMachine::method(const char* name, const char* signature) {
  const jmethodID found = environment_->GetStaticMethodID(class_, name, signature);
  check();
  return found;
}

void JavaMachine::open(const std::string& directory) {
  const jstring path = environment_->NewStringUTF(directory.c_str());
  environment_->CallStaticVoidMethod(class_, open_, path);
  check();
  environment_->DeleteLocalRef(path);
}

void JavaMachine::throw_failure() {
  const jthrowable thrown = environment_->ExceptionOccurred();
  environment_->ExceptionClear();
  const jclass its_class = environment_->GetObjectClass(thrown);
  const jmethodID to_string =
      environment_->GetMethodID(its_class, "toString", "()Ljava/lang/String;");
  const auto text = static_cast<jstring>(environment_->CallObjectMethod(thrown, to_string));
  const char* const characters = environment_->GetStringUTFChars(text, nullptr);
  throw Failure(std::string("Java: ") + characters);
}

}  // namespace towbench
