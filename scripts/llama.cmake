# Read by llama-cpp-python's CMakeLists.txt at its project() line, before it sets its own options.

# llama-common serves llama.cpp's programs, which are not built: 90 s less on two cores.
set(LLAMA_BUILD_COMMON OFF)

# Two old machines can share one model (autoglm-lite rpc-server); the library is 0.1 MB and idle until asked for.
set(GGML_RPC ON)

# A wheel holds no symbolic links, so libggml.so and libggml.so.0 would be two files, both loaded into one process,
# each with its own list of backends. One name a library keeps them one; the wheel shrinks from 25 to 3 MB.
set(CMAKE_PLATFORM_NO_VERSIONED_SONAME ON)

# On processors with AMX llama.cpp's code for it crashes in the first answer: GCC drops the tile configuration that it
# keeps on the stack (llama.cpp#20824, #26954). The AVX-512 code is used there instead.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mno-amx-tile COMPILER_KNOWS_AMX)
if(COMPILER_KNOWS_AMX)
    add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-mno-amx-tile;-mno-amx-int8;-mno-amx-bf16>")
endif()
