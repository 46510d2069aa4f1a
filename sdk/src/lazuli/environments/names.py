"""What conda's packages are called on a Python package index."""

from __future__ import annotations

# conda's name -> PyPI's, where they differ.
PYPI_NAMES = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "pytorch-lightning": "pytorch-lightning",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "_py-xgboost-mutex": "",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "libopencv": "",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-base": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "keras-gpu": "keras",
    "pillow-simd": "pillow",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "pytables": "tables",
    "dask-core": "dask",
    "ray-core": "ray",
    "ray-default": "ray",
    "python-graphviz": "graphviz",
    "psycopg2": "psycopg2-binary",
    "pyodbc": "pyodbc",
    "mysql-connector-python": "mysql-connector-python",
    "ruamel_yaml": "ruamel.yaml",
    "faiss": "faiss-cpu",
    "faiss-gpu": "faiss-cpu",
    "catalogue": "catalogue",
    "python-dateutil": "python-dateutil",
    "prompt_toolkit": "prompt-toolkit",
    "typing_extensions": "typing-extensions",
    "importlib_metadata": "importlib-metadata",
    "importlib_resources": "importlib-resources",
    "jupyter_client": "jupyter-client",
    "jupyter_core": "jupyter-core",
    "stanza": "stanza",
    "cudf": "cudf-cu12",
    "holidays": "holidays",
    "fbprophet": "prophet",
    "scikit-learn-intelex": "scikit-learn-intelex",
    "lightgbm": "lightgbm",
    "nb_conda": "",
    "nb_conda_kernels": "",
    "pytorch-mutex": "",
    "blas": "",
}

# Libraries that wheels bring themselves, compilers, and tools of conda: nothing on an index stands for them.
CONDA_ONLY = frozenset(
    ["_libgcc_mutex", "_openmp_mutex", "_tflow_select", "anaconda", "binutils", "blas", "bzip2", "ca-certificates", "certifi-conda", "cmake-conda", "conda", "conda-build", "cudatoolkit", "cudnn", "cuda", "cuda-toolkit", "cuda-runtime", "cuda-nvcc", "nccl", "cpuonly", "expat", "fontconfig", "freetype", "gcc", "gcc_linux-64", "gxx", "gxx_linux-64", "gfortran_linux-64", "git", "glib", "icu", "intel-openmp", "jpeg", "krb5", "ld_impl_linux-64", "lcms2", "lerc", "libblas", "libcblas", "libcurl", "libdeflate", "libedit", "libev", "libffi", "libgcc", "libgcc-ng", "libgfortran", "libgfortran-ng", "libgfortran5", "libgomp", "liblapack", "libllvm10", "libnghttp2", "libopenblas", "libpng", "libprotobuf", "libsodium", "libssh2", "libstdcxx-ng", "libtiff", "libuuid", "libuv", "libwebp", "libwebp-base", "libxcb", "libxml2", "libxslt", "llvm-openmp", "lz4-c", "make", "mkl", "mkl-service", "mkl_fft", "mkl_random", "mpi", "mpich", "nasm", "ncurses", "ninja", "nodejs", "nomkl", "openblas", "openjpeg", "openmpi", "openssl", "pcre", "pip-tools-conda", "pthread-stubs", "qt", "readline", "sed", "sqlite", "sysroot_linux-64", "tk", "tzdata", "unixodbc", "wget", "xz", "yaml", "zeromq", "zlib", "zstd", "msodbcsql18", "ucx", "unzip"]
)


def pypi_name(conda_name: str) -> str:
    """The empty text for what has no counterpart."""
    name = conda_name.lower()
    if name in CONDA_ONLY:
        return ""
    return PYPI_NAMES.get(name, name)
